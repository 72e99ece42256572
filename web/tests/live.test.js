/** Compacted channels and presence as live maps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { map } from '../client/map.js';
import { presence } from '../client/presence.js';
import { FakeTide, refusal, settled, unreachable } from './fake.js';

/** A message of the state. */
const value = (key, data, position = 'e-1') => ({ channel: 'prices', position, time: 1, key, data });
const removal = (key) => ({ channel: 'prices', position: 'e-9', time: 1, key });

function pages(...all) {
  const tide = new FakeTide();
  tide.answers = (_path, _query, count) => {
    const page = all[count - 1];
    if (page instanceof Error) throw page;
    return page;
  };
  return tide;
}

test('a map has the pages of the state first, and then each change', async () => {
  const tide = pages(
    { messages: [value('EUR', 1), value('USD', 2)], position: 'e-2~9', more: true },
    { messages: [value('GBP', 3), removal('USD')], position: 'e-9' },
  );
  const prices = map(tide, 'prices');
  assert.equal(prices.isReady, false);
  await prices.ready;
  assert.deepEqual([...prices], [['EUR', 1], ['GBP', 3]]);
  assert.deepEqual(tide.asked.map(({ query }) => query.since), ['earliest', 'e-2~9']);
  assert.equal(tide.asked[0].path, 'channels/prices/messages');
  const [{ channels, options }] = tide.subscriptions;
  assert.deepEqual([channels, options.since], ['prices', 'e-9']);

  const changes = [];
  const stop = prices.on('change', (change) => changes.push(change));
  options.onmessage(value('EUR', 1.5));
  options.onmessage(removal('GBP'));
  options.onmessage(removal('GBP'));
  options.onmessage(value('JPY', null));
  stop();
  options.onmessage(value('EUR', 7));
  assert.deepEqual(changes, [
    { key: 'EUR', value: 1.5, old: 1 },
    { key: 'GBP', value: undefined, old: 3 },
    { key: 'JPY', value: null, old: undefined },
  ]);
  assert.deepEqual([...prices], [['EUR', 7], ['JPY', null]]);
});

test('after a gap the state is read again, and what differs is a change', async () => {
  const tide = pages(
    { messages: [value('stays', { a: 1 }), value('goes', 2), value('moves', 3)], position: 'e-3' },
    { messages: [value('stays', { a: 1 }), value('moves', 4), value('comes', 5)], position: 'f-3' },
  );
  const prices = map(tide, 'prices');
  await prices.ready;
  const changes = [];
  prices.on('change', ({ key, value }) => changes.push([key, value]));
  const states = [];
  prices.on('state', () => states.push(prices.isReady));
  const [first] = tide.subscriptions;
  first.options.ongap({ channel: 'prices', from: 'e-3', to: 'f-0' });
  assert.equal(first.isClosed, true);
  assert.equal(prices.isReady, false);
  await prices.ready;
  assert.deepEqual(changes, [['goes', undefined], ['moves', 4], ['comes', 5]]);
  assert.deepEqual(states, [false, true]);
  assert.equal(tide.asked[1].query.since, 'earliest');
  assert.equal(tide.subscriptions[1].options.since, 'f-3');
});

test('a gap between two pages begins the state again', async () => {
  const tide = pages(
    { messages: [value('old', 1)], position: 'e-1~5', more: true },
    { messages: [value('new', 2)], position: 'e-6', gaps: [{ channel: 'prices', from: 'e-1', to: 'e-5' }] },
    { messages: [value('new', 2)], position: 'e-6' },
  );
  const prices = await map(tide, 'prices').ready;
  assert.deepEqual([...prices.keys()], ['new']);
  assert.deepEqual(tide.asked.map(({ query }) => query.since), ['earliest', 'e-1~5', 'earliest']);
});

test('without an answer it is asked again once the connection is back', async () => {
  const tide = pages(unreachable(), { messages: [value('EUR', 1)], position: 'e-1' });
  const prices = map(tide, 'prices');
  await settled();
  tide.become({ name: 'live' });
  await settled();
  assert.equal(prices.get('EUR'), 1, 'at once, not after a time');
});

test('a refusal is the error of the map and of its changes', async () => {
  const tide = pages(refusal(403));
  const prices = map(tide, 'prices');
  await assert.rejects(prices.ready, { status: 403 });
  assert.equal(prices.error.status, 403);
  await assert.rejects(prices.changes().next(), { status: 403 });
});

test('a channel that is not compacted is an error that says what to do', async () => {
  const tide = pages({ messages: [{ channel: 'chat', position: 'e-1', data: 'hi' }], position: 'e-1' });
  await assert.rejects(map(tide, 'chat').ready, /chat has messages without a key.*compact = true/);
});

test('a subscription that the server ends is the error of the map', async () => {
  const tide = pages({ messages: [], position: 'e-0' });
  const prices = await map(tide, 'prices').ready;
  tide.subscriptions[0].options.onerror(refusal(403));
  assert.equal(prices.error.status, 403);
});

test('changes begin with what there is, and several of one key are one', async () => {
  const tide = pages({ messages: [value('EUR', 1)], position: 'e-1' });
  const prices = await map(tide, 'prices').ready;
  const changes = prices.changes();
  assert.deepEqual((await changes.next()).value, { key: 'EUR', value: 1 });
  const next = changes.next();
  const { onmessage } = tide.subscriptions[0].options;
  onmessage(value('EUR', 2));
  onmessage(value('USD', 9));
  onmessage(value('EUR', 3));
  assert.deepEqual((await next).value, { key: 'EUR', value: 3, old: 1 });
  assert.deepEqual((await changes.next()).value, { key: 'USD', value: 9, old: undefined });
  prices.close();
  assert.equal((await changes.next()).done, true);
  assert.equal(tide.subscriptions[0].isClosed, true);
});

test('a map that is closed before its state came subscribes to nothing and is no unhandled error', async () => {
  const tide = pages({ messages: [], position: 'e-0' });
  map(tide, 'prices').close();
  await settled();
  assert.equal(tide.subscriptions.length, 0);
});

test('a closed connection ends the map', async () => {
  const tide = pages({ messages: [], position: 'e-0' });
  const prices = await map(tide, 'prices').ready;
  const next = prices.changes().next();
  tide.become({ name: 'closed' });
  assert.equal((await next).done, true);
});

test('a map is read only', async () => {
  const prices = await map(pages({ messages: [value('EUR', 1)], position: 'e-1' }), 'prices').ready;
  for (const write of ['set', 'delete', 'clear']) assert.throws(() => prices[write]('EUR', 2), TypeError);
  assert.equal(prices.get('EUR'), 1);
});

test('presence lists members over its pages and follows who joins and leaves', async () => {
  const ada = { connection: '1', user: 'ada', since: 5 };
  const eve = { connection: '2', user: 'eve', since: 6 };
  const tide = pages(
    { channel: 'room.1', members: [ada], position: 'e-1~4', more: true },
    { channel: 'room.1', members: [eve], left: ['1'], position: 'e-4' },
  );
  const room = await presence(tide, 'room.1').ready;
  assert.deepEqual([...room.values()], [eve]);
  assert.equal(tide.asked[1].path, 'channels/room.1/presence');
  const [{ channels, options }] = tide.subscriptions;
  assert.deepEqual([channels, options.since], ['$presence.room.1', 'e-4']);
  options.onmessage({ key: '1', data: ada });
  options.onmessage({ key: '2' });
  assert.deepEqual([...room.values()], [ada]);
});

test('a map that is closed follows nothing, and leaves nothing on its connection', async () => {
  const tide = pages({ messages: [value('EUR', 1)], position: 'e-1' });
  const prices = await map(tide, 'prices').ready;
  assert.equal(tide.listeners, 1);
  prices.close();
  assert.deepEqual([tide.listeners, prices.isReady, prices.get('EUR')], [0, false, 1]);
});

test('a name that is no channel throws at once', () => {
  const tide = new FakeTide();
  for (const follow of [map, presence]) {
    for (const name of [undefined, '', 'a/../b', ['a', 'b'], ['a']]) assert.throws(() => follow(tide, name), TypeError);
  }
});
