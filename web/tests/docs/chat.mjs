// The recipe of a chat: two pages, the second of which comes later.
import assert from 'node:assert/strict';

export const page = 'docs/recipes/chat.md';

export default async function ({ block, server, open, until }) {
  const { url } = await server();
  const html = block();
  const ann = await open(html, url);
  await ann.fill('input', 'hello from Ann');
  await ann.click('button');
  await ann.waitForSelector('li');
  // Somebody who comes later sees it, too.
  const bob = await open(html, url);
  await bob.waitForSelector('li');
  await bob.fill('input', '<b>and from Bob</b>');
  await bob.click('button');
  for (const one of [ann, bob]) {
    await until(async () => (await one.locator('li').count()) === 2);
    assert.deepEqual(await one.locator('li').allTextContents(), ['hello from Ann', '<b>and from Bob</b>']);
    await until(async () => (await one.textContent('#state')) === 'live');
  }
}
