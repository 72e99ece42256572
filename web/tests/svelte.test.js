/** The stores, with Svelte's own, and once in a component that Svelte has compiled. */
import { mountPoint } from './dom.js';
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { compile } from 'svelte/compiler';
import { channel, connection, map, presence } from '../client/svelte.js';
import { App } from './app.js';
import { settled } from './fake.js';

/** Subscribes to `store`. What it holds is in `value`. */
function read(store) {
  const reader = {};
  reader.stop = store.subscribe((value) => (reader.value = value));
  return reader;
}

test('a store of messages is subscribed as long as somebody reads it', async () => {
  const tide = new App();
  const store = channel(tide, ['chat.a'], { max: 2 });
  assert.deepEqual(tide.open, []);
  const readers = [read(store), read(store)];
  assert.deepEqual(tide.open, [['chat.a']]);
  for (const data of [1, 2, 3]) await tide.deliver({ channel: 'chat.a', data });
  assert.deepEqual(readers[1].value.messages.map(({ data }) => data), [2, 3]);
  for (const reader of readers) reader.stop();
  assert.deepEqual(tide.open, []);
  assert.deepEqual(read(store).value.messages, [], 'it begins anew');
});

test('a gap and a refusal are in the store', async () => {
  const tide = new App();
  const reader = read(channel(tide, 'a'));
  const { ongap, onerror } = tide.subscriptions[0].options;
  ongap({ channel: 'a', from: 'e-1', to: 'e-2' });
  onerror(new Error('no'));
  assert.equal(reader.value.gaps.length, 1);
  assert.equal(reader.value.error.message, 'no');
});

test('a map and presence hold the state and its changes', async () => {
  const tide = new App();
  const prices = read(map(tide, 'prices'));
  const room = read(presence(tide, 'room.1'));
  await settled();
  assert.deepEqual([...prices.value.map], [['EUR', 1]]);
  assert.deepEqual(room.value.members.map(({ user }) => user), ['ada']);
  await tide.deliver({ channel: 'prices', key: 'EUR', data: 2 });
  await tide.deliver({ channel: '$presence.room.1', key: '1' });
  assert.deepEqual([...prices.value.map], [['EUR', 2]]);
  assert.deepEqual(room.value.members, []);
  prices.stop();
  room.stop();
  assert.deepEqual(tide.open, []);
});

test('the state of the connection is a store', () => {
  const tide = new App();
  const store = connection(tide);
  tide.become({ name: 'offline' });
  const reader = read(store);
  assert.equal(reader.value.name, 'offline');
  tide.become({ name: 'live' });
  assert.equal(reader.value.name, 'live');
});

test('a component shows what its store holds', async () => {
  const source = `
    <script>
      import { map } from '../client/svelte.js';
      let { tide } = $props();
      const prices = map(tide, 'prices');
    </script>
    {#each $prices.map as [key, value]}<p>{key} {value}</p>{/each}`;
  const file = new URL('./prices.svelte.tmp.js', import.meta.url);
  await writeFile(file, compile(source, { generate: 'client', filename: 'Prices.svelte' }).js.code);
  try {
    const { default: Prices } = await import(file);
    const { flushSync, mount, unmount } = await import('svelte');
    const tide = new App();
    const target = mountPoint();
    const component = mount(Prices, { target, props: { tide } });
    await settled();
    flushSync();
    assert.equal(target.textContent, 'EUR 1');
    await tide.deliver({ channel: 'prices', key: 'USD', data: 2 });
    flushSync();
    assert.equal(target.textContent, 'EUR 1USD 2');
    await unmount(component);
    assert.deepEqual(tide.open, []);
  } finally {
    await rm(file);
  }
});
