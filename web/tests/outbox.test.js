/** Publishing while the server cannot be reached. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { openOutbox } from '../client/outbox.js';
import { FakeTide, refusal, settled, unreachable } from './fake.js';

/** Timers that only `tick` makes due. */
const clock = {
  real: { setTimeout, clearTimeout },
  install() {
    this.nowMs = 0;
    this.timers = new Map();
    globalThis.setTimeout = (callback, delayMs) => {
      const timer = {};
      this.timers.set(timer, { callback, dueMs: this.nowMs + delayMs });
      return timer;
    };
    globalThis.clearTimeout = (timer) => this.timers.delete(timer);
  },
  tick(ms) {
    this.nowMs += ms;
    for (const [timer, { callback, dueMs }] of this.timers) {
      if (dueMs <= this.nowMs && this.timers.delete(timer)) callback();
    }
  },
};
beforeEach(() => clock.install());
afterEach(() => Object.assign(globalThis, clock.real));

const data = (tide) => tide.sent.map((one) => one.data);

function make({ wire = 'websocket', ...options } = {}) {
  const tide = new FakeTide();
  tide.become({ name: 'live', wire });
  return { tide, outbox: openOutbox(tide, options) };
}

/** Publishes each of `all`; a rejection is for the test to look at. */
function publish(outbox, ...all) {
  return all.map((one) => {
    const answer = outbox.publish('chat.a', one, { event: 'said' });
    answer.catch(() => {});
    return answer;
  });
}

test('a message is sent at once, with an id, and its answer is the answer', async () => {
  const { tide, outbox } = make();
  const [answer] = publish(outbox, 'hi');
  await settled();
  const [{ channel, options, resolve }] = tide.sent;
  assert.equal(channel, 'chat.a');
  assert.equal(options.event, 'said');
  assert.match(options.id, /^\d+-\d+-\d+-\d+$/);
  assert.equal(outbox.size, 1);
  resolve({ position: 'e-1' });
  assert.deepEqual(await answer, { position: 'e-1' });
  assert.equal(outbox.size, 0);
});

test('what was not answered is sent again in order with the same ids once the connection is back', async () => {
  const { tide, outbox } = make();
  const answers = publish(outbox, 1, 2, 3);
  await settled();
  assert.deepEqual(data(tide), [1, 2, 3]);
  tide.become({ name: 'offline' });
  const [first, ...lost] = tide.sent;
  first.resolve({ position: 'e-1' });
  for (const one of lost) one.reject(unreachable());
  await settled();
  publish(outbox, 4);
  await settled();
  assert.deepEqual(data(tide), [1, 2, 3], 'nothing is sent while it is offline');
  tide.become({ name: 'live', wire: 'websocket' });
  assert.deepEqual(data(tide), [1, 2, 3, 2], 'the first alone');
  tide.sent[3].resolve({});
  await settled();
  assert.deepEqual(data(tide), [1, 2, 3, 2, 3, 4]);
  const ids = tide.sent.map(({ options }) => options.id);
  assert.deepEqual(ids.slice(3, 5), ids.slice(1, 3));
  assert.equal(new Set(ids).size, 4);
  assert.deepEqual(await answers[0], { position: 'e-1' });
});

test('on a wire without an order each waits for the answer to the one before', async () => {
  const { tide, outbox } = make({ wire: 'sse' });
  publish(outbox, 1, 2);
  await settled();
  assert.deepEqual(data(tide), [1]);
  tide.sent[0].resolve({});
  await settled();
  assert.deepEqual(data(tide), [1, 2]);
});

test('while a WebSocket is only tried, one message at a time goes over HTTP', async () => {
  const { tide, outbox } = make();
  tide.become({ name: 'offline', wire: 'websocket' });
  publish(outbox, 1, 2, 3);
  await settled();
  assert.deepEqual(data(tide), [1]);
});

test('what is on its way over HTTP is sent again first when the WebSocket is open', async () => {
  const { tide, outbox } = make();
  tide.become({ name: 'offline', wire: 'websocket' });
  publish(outbox, 1, 2);
  await settled();
  assert.deepEqual(data(tide), [1]);
  tide.become({ name: 'catching up', wire: 'websocket' });
  await settled();
  assert.deepEqual(data(tide), [1, 1, 2]);
  assert.deepEqual(tide.sent.map(({ isOverHttp }) => isOverHttp), [true, false, false]);
  assert.equal(tide.sent[0].options.id, tide.sent[1].options.id);
  // The late answer of the first attempt changes nothing.
  tide.sent[0].resolve({ position: 'e-9' });
  await settled();
  assert.equal(outbox.size, 2);
});

test('a request over HTTP that nobody answers is given up, and the next one gets more time', async () => {
  const { tide, outbox } = make({ wire: 'sse' });
  publish(outbox, 1);
  await settled();
  clock.tick(3_999);
  await settled();
  assert.equal(clock.timers.size, 1);
  clock.tick(1);
  await settled();
  clock.tick(500);
  await settled();
  assert.deepEqual(data(tide), [1, 1]);
  clock.tick(4_000);
  await settled();
  clock.tick(500);
  assert.deepEqual(data(tide), [1, 1], 'the second has eight seconds');
});

test('without news of the connection it tries again by itself', async () => {
  const { tide, outbox } = make();
  publish(outbox, 1);
  await settled();
  tide.sent[0].reject(unreachable());
  await settled();
  clock.tick(500);
  assert.deepEqual(data(tide), [1, 1]);
});

for (const status of [429, 503]) {
  test(`${status} waits as long as the server says, whatever the connection does`, async () => {
    const { tide, outbox } = make({ wire: 'sse' });
    publish(outbox, 1, 2);
    await settled();
    tide.sent[0].reject(refusal(status, { retryMs: 7_000 }));
    await settled();
    tide.become({ name: 'live', wire: 'sse' });
    clock.tick(6_999);
    assert.deepEqual(data(tide), [1]);
    clock.tick(1);
    assert.deepEqual(data(tide), [1, 1]);
  });
}

for (const status of [400, 401, 403, 409, 413]) {
  test(`${status} rejects its promise and blocks nothing`, async () => {
    const { tide, outbox } = make({ wire: 'sse' });
    const [refused, accepted] = publish(outbox, 1, 2);
    await settled();
    tide.sent[0].reject(refusal(status));
    await assert.rejects(refused, { status });
    await settled();
    tide.sent[1].resolve({ position: 'e-2' });
    assert.deepEqual(await accepted, { position: 'e-2' });
  });
}

test('a message that ends its connection is the only one that is given up', async () => {
  const { tide, outbox } = make();
  const [large, small] = publish(outbox, 'large', 'small');
  await settled();
  const tooLarge = () => refusal(1009, { code: 'closed', isFinal: true });
  for (const one of tide.sent) one.reject(tooLarge());
  await settled();
  clock.tick(500);
  assert.deepEqual(data(tide), ['large', 'small', 'large']);
  tide.sent[2].reject(tooLarge());
  await assert.rejects(large, { status: 1009 });
  await settled();
  tide.sent[3].resolve({ position: 'e-1' });
  assert.deepEqual(await small, { position: 'e-1' });
});

test('a mistake of the caller is never repeated', async () => {
  const { tide, outbox } = make();
  const [answer] = publish(outbox, 1);
  await settled();
  tide.sent[0].reject(new TypeError('no JSON'));
  await assert.rejects(answer, TypeError);
  for (const data of [() => {}, Symbol('no'), 1n]) await assert.rejects(outbox.publish('chat.a', data), TypeError);
  assert.equal(outbox.size, 0);
});

test('a full outbox says so, and what waits is not touched', async () => {
  const { tide, outbox } = make({ max: 2 });
  publish(outbox, 1, 2);
  await assert.rejects(outbox.publish('chat.a', 3), { code: 'outbox_full', message: /^2 messages wait.*outbox\.max/ });
  await settled();
  tide.sent[0].resolve({});
  await settled();
  publish(outbox, 4);
  await settled();
  assert.deepEqual(data(tide), [1, 2, 4]);
});

test('what is changed after the call is not changed in the message', async () => {
  const { tide, outbox } = make({ wire: 'sse' });
  const point = { x: 1 };
  publish(outbox, 0, point);
  point.x = 2;
  await settled();
  tide.sent[0].resolve({});
  await settled();
  assert.deepEqual(tide.sent[1].data, { x: 1 });
});

test('a signal takes a message out that was not sent', async () => {
  const { tide, outbox } = make({ wire: 'sse' });
  publish(outbox, 1);
  const abort = new AbortController();
  const answer = outbox.publish('chat.a', 2, { signal: abort.signal });
  abort.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  tide.sent[0]?.resolve({});
  await settled();
  assert.deepEqual(data(tide), [1]);
  await assert.rejects(outbox.publish('chat.a', 3, { signal: abort.signal }), { name: 'AbortError' });
});

test('a closed connection rejects what waits, and what comes later', async () => {
  const { tide, outbox } = make();
  const [answer] = publish(outbox, 1);
  await settled();
  tide.become({ name: 'closed' });
  await assert.rejects(answer, { code: 'closed' });
  await assert.rejects(outbox.publish('chat.a', 2), { code: 'closed' });
});

test('what cannot be published is an error at once, also without a server', async () => {
  const { tide, outbox } = make();
  tide.become({ name: 'offline' });
  for (const channel of ['/', '', undefined, ['a', 'b'], 'a.*', '>']) {
    await assert.rejects(outbox.publish(channel, 1), { name: 'TypeError' });
  }
  assert.equal(outbox.size, 0);
});

test('a proxy of a framework is published as what it stands for', async () => {
  const { tide, outbox } = make();
  publish(outbox, new Proxy({ x: 1, at: new Date(0) }, {}), null, undefined);
  await settled();
  assert.deepEqual(data(tide), [{ x: 1, at: '1970-01-01T00:00:00.000Z' }, null, undefined]);
});

test('a signal has no listener of a message that is settled', async () => {
  const { tide, outbox } = make();
  const { signal } = new AbortController();
  const answers = [1, 2].map((one) => outbox.publish('chat.a', one, { signal }));
  assert.equal(getEventListeners(signal, 'abort').length, 2);
  await settled();
  tide.sent[0].resolve({});
  tide.sent[1].reject(refusal(403));
  await Promise.allSettled(answers);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
