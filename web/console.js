/** The console page: puts form, chart, panes and snippets together around one timeline. */
import { Chart } from './chart.js';
import { Timeline } from './timeline.js';
import { Pane } from './pane.js';
import { PublishForm } from './publish.js';
import { enableCopying, showSnippets } from './snippets.js';

const find = (selector) => document.querySelector(selector);

const timeline = new Timeline();
const chart = new Chart(find('#chart'), timeline);
const form = new PublishForm(find('#publish'), timeline);
const onstate = (wire, state) => chart.enter(wire, state);
const panes = ['sse', 'ws'].map((wire) => new Pane(find(`#${wire}`), { wire, timeline, onstate }));
const snippets = find('#snippets');

function watch(channel) {
  // A pattern names no channel to publish to, so offer one that it matches.
  const target = channel.replace(/[*>]/g, 'example');
  timeline.clear();
  form.follow(target);
  showSnippets(snippets, { channel, target });
  for (const pane of panes) pane.watch(channel);
}

find('#watch').addEventListener('submit', (event) => {
  event.preventDefault();
  const channel = event.target.elements.channel.value.trim();
  if (channel) watch(channel);
});
enableCopying(snippets);
watch(find('#watch').elements.channel.value);
