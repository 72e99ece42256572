// The recipe of a list of members: one joins and leaves while the other looks.
export const page = 'docs/recipes/presence-list.md';

export default async function ({ block, server, open, until }) {
  const { url } = await server({ settings: 'presence_interval = "50ms"\n[channels."room.*"]\npresence = true\n' });
  const html = block();
  const ann = await open(html, url, '?name=Ann');
  const shows = (names) =>
    until(async () => (await ann.locator('li').allTextContents()).sort().join(' ') === names, `the list shows ${names}`);
  await shows('Ann');
  const bob = await open(html, url, '?name=Bob');
  await shows('Ann Bob');
  await bob.goto('about:blank');
  await shows('Ann');
}
