/** The recipe for Vue. */
import { bundle, follow, settingsOf } from '../bundle.mjs';

export const page = 'docs/recipes/vue.md';

export default async function ({ block, server, open }) {
  const { url, publish } = await server({ settings: await settingsOf(page) });
  await follow(await open(await bundle({ 'main.js': block(), 'App.vue': block() }), url), { publish });
}
