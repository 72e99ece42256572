// The recipe of prices: the state, changes, and a removal.
export const page = 'docs/recipes/prices.md';

export default async function ({ block, server, open, until }) {
  const { url, publish } = await server({ settings: '[channels.prices]\ncompact = true\n' });
  for (const price of [100, 101.5]) await publish('prices', price, { key: 'ABC' });
  await publish('prices', 7.25, { key: 'XYZ' });
  const table = await open(block(), url);
  const shows = (text) =>
    until(async () => (await table.locator('tr').allTextContents()).join(' ') === text, `the table shows ${text}`);
  await shows('ABC101.5 XYZ7.25');
  await publish('prices', 99, { key: 'ABC' });
  await shows('ABC99 XYZ7.25');
  await publish('prices', undefined, { key: 'XYZ' });
  await shows('ABC99');
}
