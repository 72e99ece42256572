/** The recipe for Svelte. */
import { bundle, follow, settingsOf } from '../bundle.mjs';

export const page = 'docs/recipes/svelte.md';

const MAIN = `
import { mount } from 'svelte';
import App from './App.svelte';

mount(App, { target: document.getElementById('app') });`;

export default async function ({ block, server, open }) {
  const { url, publish } = await server({ settings: await settingsOf(page) });
  await follow(await open(await bundle({ 'main.js': MAIN, 'App.svelte': block() }), url), { publish });
}
