/** Subscriptions whose reader is slower than the messages: what waits is bounded, and nothing is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './world.js';

/** How many messages may wait for a reader. */
const WAITING_MAX = 1_000;

function publish(world, count) {
  for (let number = 0; number < count; number += 1) world.publish('a');
}

/** Reads what is left of the log from the number `from` on, one by one. */
async function readRest(world, iterator, from) {
  for (let number = from; number <= world.log.length; number += 1) {
    const { value } = await iterator.next();
    assert.equal(value.data, number);
    assert.equal(iterator.position, value.position);
  }
}

test('a reader that is slow gets all messages in order, the later ones from the server', async () => {
  const world = new World();
  const tide = world.connect();
  const iterator = tide.subscribe('a');
  const first = iterator.next();
  await world.pass();
  publish(world, 2_500);
  assert.equal((await first).value.data, 1);
  for (let number = 2; number <= WAITING_MAX + 1; number += 1) assert.equal((await iterator.next()).value.data, number);
  assert.deepEqual([iterator.position, tide.state.name, world.requests.length], [`e-${WAITING_MAX + 1}`, 'live', 0]);
  // Messages go on while it reads.
  world.answers.poll = ({ body }) => {
    if (world.log.length < 2_600) world.publish('a');
    return world.page(body);
  };
  await readRest(world, iterator, WAITING_MAX + 2);
  await world.pass(1_000);
  assert.deepEqual([world.log.length, tide.state.name], [2_600, 'live']);
  const polls = world.requests.length;
  world.publish('a');
  assert.equal((await iterator.next()).value.data, 2_601);
  assert.equal(world.requests.length, polls, 'the connection brings it again');
  tide.close();
});

test('what lies in the past is fetched only as fast as it is read', async () => {
  const world = new World();
  const tide = world.connect();
  const other = tide.subscribe('other');
  await world.pass();
  publish(world, 2_000);
  const iterator = tide.subscribe('a', { since: 'earliest' });
  const first = iterator.next();
  await world.pass(1_000);
  await first;
  assert.ok(world.requests.length * 3 <= WAITING_MAX + 6, `${world.requests.length} polls of 3 messages`);
  await readRest(world, iterator, 2);
  other.close();
  tide.close();
});

test('a subscription that nobody reads keeps nothing, and begins where it was when it is read', async () => {
  const world = new World();
  const tide = world.connect();
  const member = tide.subscribe('a');
  await world.pass();
  publish(world, 1_200);
  await world.pass(1_000);
  assert.deepEqual([member.position, tide.state.name, world.requests.length], ['e-0', 'live', 0]);
  await readRest(world, member, 1);
  tide.close();
});

test('a connection that is lost meanwhile loses nothing', async () => {
  const world = new World();
  const tide = world.connect();
  const iterator = tide.subscribe('a');
  let wanted = 1;
  const read = async (count) => {
    for (const end = wanted + count; wanted < end; wanted += 1) assert.equal((await iterator.next()).value.data, wanted);
  };
  await world.pass();
  publish(world, 1);
  await read(1);
  publish(world, 1_500);
  world.socket.end();
  publish(world, 10);
  await world.pass(1_000);
  publish(world, 10);
  await read(500);
  world.socket.end();
  await read(500);
  // Nobody brings the next one before the connection is back.
  const next = read(1);
  await world.pass(1_000);
  await next;
  await read(world.log.length - wanted + 1);
  assert.equal(iterator.position, world.head);
  tide.close();
});

test('what ends before its reader has come to the limit says where it is', async () => {
  const world = new World();
  const tide = world.connect();
  const iterator = tide.subscribe('a');
  const first = iterator.next();
  await world.pass();
  publish(world, 1_500);
  await first;
  iterator.close();
  assert.equal(iterator.position, 'e-1');
  assert.equal((await iterator.next()).done, true);
  assert.deepEqual([iterator.position, world.requests.length], ['e-1', 0]);
  tide.close();
});
