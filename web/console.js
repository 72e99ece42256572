/** The console page: puts form, chart, panes and snippets together around one ledger. */
import { Chart } from './chart.js';
import { Ledger } from './ledger.js';
import { Pane } from './pane.js';
import { PublishForm } from './publish.js';
import { enableCopying, showSnippets } from './snippets.js';

const find = (selector) => document.querySelector(selector);

const ledger = new Ledger();
const chart = new Chart(find('#chart'), ledger);
const form = new PublishForm(find('#publish'), ledger);
const onstate = (wire, state) => chart.enter(wire, state);
const panes = ['sse', 'ws'].map((wire) => new Pane(find(`#${wire}`), { wire, ledger, onstate }));
const snippets = find('#snippets');

function watch(channel) {
  // A pattern names no channel to publish to, so offer one that it matches.
  const target = channel.replace(/[*>]/g, 'example');
  ledger.clear();
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
