// The recipe of notifications: the count of unread ones, also after a reload.
import assert from 'node:assert/strict';

export const page = 'docs/recipes/notifications.md';

export default async function ({ block, server, open, load, until }) {
  const { url } = await server();
  const html = block();
  const { notify } = await load(block(), url);
  await notify('u7', 'one');
  await notify('u8', 'for somebody else');
  const one = await open(html, url);
  const unread = (count) => until(async () => (await one.textContent('#unread')) === String(count), `${count} unread`);
  await unread(1);
  await notify('u7', 'two');
  await unread(2);
  assert.deepEqual(await one.locator('li').allTextContents(), ['two', 'one']);
  await one.click('#seen');
  await unread(0);
  await notify('u7', 'three');
  await unread(1);
  // What was read before the page is opened again stays read.
  await one.reload();
  await unread(1);
  assert.deepEqual(await one.locator('li').allTextContents(), ['three']);
}
