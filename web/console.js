/** The console page: puts form, chart, panes and snippets together around one timeline. */
import { Chart } from './chart.js';
import { Timeline } from './timeline.js';
import { Pane } from './pane.js';
import { PublishForm } from './publish.js';
import { enableCopying, showSnippets } from './snippets.js';
import { TokenForm } from './token.js';

const find = (selector) => document.querySelector(selector);

const timeline = new Timeline();
const chart = new Chart(find('#chart'), timeline);
const token = new TokenForm(find('#token'), find('#token-toggle'), () => {
  showSnippets(snippets, shown());
  for (const pane of panes) pane.reconnect();
});
const form = new PublishForm(find('#publish'), timeline, token);
const onstate = (wire, state, detail) => {
  chart.enter(wire, state);
  if (state === 'refused') token.refused(detail);
  if (state === 'live' || state === 'catching up') token.accepted();
};
const panes = ['sse', 'ws'].map(
  (wire) => new Pane(find(`#${wire}`), { wire, timeline, token, onstate }),
);
const snippets = find('#snippets');

let watched;

/** What the snippets are made for. */
function shown() {
  // A pattern names no channel to publish to, so offer one that it matches.
  const target = watched.replace(/[*>]/g, 'example');
  return { channel: watched, target, hasToken: Boolean(token.token) };
}

function watch(channel) {
  watched = channel;
  timeline.clear();
  form.follow(shown().target);
  showSnippets(snippets, shown());
  for (const pane of panes) pane.watch(channel);
}

find('#watch').addEventListener('submit', (event) => {
  event.preventDefault();
  const channel = event.target.elements.channel.value.trim();
  if (channel) watch(channel);
});
enableCopying(snippets);
watch(find('#watch').elements.channel.value);
