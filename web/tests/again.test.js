/** Requests that are repeated until they are answered: how long one may take, and how they end. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { again } from '../client/again.js';
import { history } from '../client/history.js';
import { map } from '../client/map.js';
import { FakeTide, settled, unreachable } from './fake.js';

const { setTimeout, clearTimeout } = globalThis;
/** What is due, by its time in milliseconds from now. */
const timers = new Map();
beforeEach(() => {
  timers.clear();
  globalThis.setTimeout = (run, ms) => {
    const timer = {};
    timers.set(timer, { run, ms });
    return timer;
  };
  globalThis.clearTimeout = (timer) => timers.delete(timer);
});
afterEach(() => Object.assign(globalThis, { setTimeout, clearTimeout }));

/** Makes due what waits for `ms` milliseconds. */
async function pass(msWanted) {
  for (const [timer, { run, ms }] of timers) if (ms === msWanted && timers.delete(timer)) run();
  await settled();
}

const listeners = (signal) => getEventListeners(signal, 'abort').length;

test('a request that nobody answers ends after 15 seconds, and is sent again', async () => {
  const { signal } = new AbortController();
  const reads = [(tide) => map(tide, 'a').ready, (tide) => history(tide, 'a', { signal }).pages().next()];
  for (const read of reads) {
    const tide = new FakeTide();
    tide.answers = (_path, _query, count) => (count === 1 ? undefined : { messages: [], position: 'e-0' });
    const answer = read(tide);
    await settled();
    await pass(15_000);
    tide.become({ name: 'live' });
    await answer;
    assert.equal(tide.asked.length, 2);
    assert.deepEqual([timers.size, listeners(signal)], [0, 0]);
  }
});

test('an abort ends a request on its way, and a pause, at once', async () => {
  for (const isAborted of ['in the request', 'in the pause']) {
    const abort = new AbortController();
    const { signal } = abort;
    const attempt = (own) =>
      new Promise((_, reject) => {
        if (isAborted === 'in the pause') reject(unreachable());
        own.addEventListener('abort', () => reject(unreachable()));
      });
    const ended = assert.rejects(again(new FakeTide(), signal, attempt), { name: 'AbortError' });
    await settled();
    abort.abort();
    await ended;
    assert.deepEqual([isAborted, timers.size, listeners(signal)], [isAborted, 0, 0]);
  }
});

test('a pause leaves no listener', async () => {
  const tide = new FakeTide();
  const { signal } = new AbortController();
  let count = 0;
  const attempt = async () => {
    if ((count += 1) < 4) throw unreachable();
  };
  const done = again(tide, signal, attempt);
  for (let pause = 1; pause < 4; pause += 1) {
    await settled();
    tide.become({ name: 'live' });
  }
  await done;
  assert.deepEqual([count, listeners(signal), tide.listeners, timers.size], [4, 0, 0, 0]);
});
