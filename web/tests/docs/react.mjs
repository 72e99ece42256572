/** The recipe for React, in its strict mode. */
import { bundle, follow, settingsOf } from '../bundle.mjs';

export const page = 'docs/recipes/react.md';

const MAIN = `
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.jsx';

createRoot(document.getElementById('app')).render(<StrictMode><App /></StrictMode>);`;

export default async function ({ block, server, open }) {
  const { url, publish } = await server({ settings: await settingsOf(page) });
  await follow(await open(await bundle({ 'main.jsx': MAIN, 'App.jsx': block() }), url), { publish });
}
