/** The client's machine over a WebSocket: places, changes while it is connected, states, refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect as connectWith } from '../../client/core.js';
import { connect } from '../../client/tidewire.js';
import { World, collect, problem } from './world.js';

test('all subscriptions share one connection', async () => {
  const world = new World();
  const tide = world.connect();
  const [one, two] = [collect(tide, 'a'), collect(tide, ['b', 'a'])];
  await world.pass();
  const three = collect(tide, 'c.>');
  await world.pass();
  for (const channel of ['a', 'b', 'c.d', 'other']) world.publish(channel, channel);
  await world.pass();
  assert.deepEqual([one.data, two.data, three.data], [['a'], ['a', 'b'], ['c.d']]);
  assert.equal(world.sockets.length, 1);
  assert.deepEqual(world.names, ['offline', 'live']);
  tide.close();
});

test('a later subscription gets what another one has had already, in order and once', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, '>');
  await world.pass();
  for (let number = 1; number <= 10; number += 1) world.publish('a');
  const late = collect(tide, 'a', { since: 'earliest' });
  // Messages go on while it catches up.
  world.answers.poll = ({ body }) => {
    if (world.log.length < 15) world.publish('a');
    return world.page(body);
  };
  await world.pass(10_000);
  assert.ok(world.log.length > 12);
  assert.deepEqual(late.data, world.log.map(({ data }) => data));
  assert.equal(tide.state.name, 'live');
  tide.close();
});

test('a later subscription to the same channel misses nothing of a long past', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a');
  await world.pass();
  for (let number = 1; number <= 10; number += 1) world.publish('a');
  const late = collect(tide, 'a', { since: 'earliest' });
  await world.pass(10_000);
  assert.deepEqual(late.data, world.log.map(({ data }) => data));
  tide.close();
});

test('the answer to a subscription that was given up counts for no later one', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a');
  await world.pass();
  // The server takes the requests one by one.
  const requests = [];
  const take = world.socket.send.bind(world.socket);
  world.socket.send = (frame) => requests.push(frame);
  collect(tide, 'b').subscription.close();
  const first = collect(tide, 'b');
  await world.pass();
  first.subscription.close();
  await world.pass();
  const second = collect(tide, 'b', { since: 'earliest' });
  await world.pass();
  assert.deepEqual(requests.map((frame) => JSON.parse(frame).type), ['subscribe', 'unsubscribe', 'subscribe']);
  for (const number of [1, 2, 3]) {
    take(requests.shift());
    await world.pass(1_000);
    world.publish('b', number);
  }
  await world.pass(1_000);
  assert.deepEqual(second.data, [1, 2, 3]);
  tide.close();
});

test('a subscription to news of a channel that another one has needs no request', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a');
  await world.pass();
  world.publish('a', 'old');
  await world.pass();
  const second = collect(tide, 'a');
  await world.pass();
  world.publish('a', 'new');
  assert.deepEqual(second.data, ['new']);
  assert.equal(world.requests.length, 0);
  tide.close();
});

test('after a loss each subscription goes on where it was', async () => {
  const world = new World();
  const tide = world.connect();
  const [all, some] = [collect(tide, '>'), collect(tide, 'a')];
  await world.pass();
  world.publish('a');
  world.publish('b');
  world.socket.end();
  world.publish('a');
  await world.pass(1_000);
  world.publish('b');
  assert.deepEqual([all.data, some.data], [[1, 2, 3, 4], [1, 3]]);
  assert.equal(world.socket.url.searchParams.get('since'), 'e-2');
  assert.deepEqual(world.names, ['offline', 'live', 'waiting', 'offline', 'catching up', 'live']);
  tide.close();
});

test('a heartbeat moves the place from which it resumes', async () => {
  const world = new World();
  const tide = world.connect();
  const { subscription } = collect(tide, 'a');
  await world.pass();
  world.publish('elsewhere');
  world.socket.say({ type: 'position', position: 'e-1' });
  assert.equal(subscription.position, 'e-1');
  tide.close();
});

test('silence of two and a half heartbeats ends a connection', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a');
  await world.pass();
  await world.pass(2_499);
  assert.equal(world.sockets.length, 1);
  await world.pass(2_000);
  assert.ok(world.sockets.length > 1);
  assert.ok(world.sockets[0].isClosed);
  tide.close();
});

test('a page that was frozen reads what has arrived before it judges', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a');
  await world.pass();
  world.freeze(600_000);
  await world.pass(1);
  assert.equal(world.sockets.length, 1);
  world.socket.say({ type: 'position', position: 'e-0' });
  await world.pass(1_500);
  assert.equal(world.sockets.length, 1);
  await world.pass(5_000);
  assert.ok(world.sockets.length > 1);
  tide.close();
});

test('a page that comes back does not wait for its timers', async () => {
  const world = new World();
  const tide = world.connect();
  world.watch(tide);
  collect(tide, 'a');
  await world.pass();
  world.freeze(1_500);
  world.fire('pageshow');
  await world.pass();
  assert.equal(world.sockets.length, 2);
  world.onsocket = (socket) => socket.end();
  world.socket.end();
  await world.pass();
  assert.equal(tide.state.name, 'waiting');
  const before = world.sockets.length;
  world.fire('online');
  await world.pass();
  assert.equal(world.sockets.length, before + 1);
  tide.close();
});

test('without a network nothing is tried until it is back', async () => {
  const world = new World();
  const { navigator } = world;
  const tide = world.connect();
  world.watch(tide);
  collect(tide, 'a');
  await world.pass();
  navigator.onLine = false;
  world.fire('offline');
  assert.deepEqual([tide.state.name, world.socket.isClosed], ['offline', true]);
  await world.pass(59_000);
  assert.deepEqual([world.sockets.length, world.requests.length], [1, 0]);
  navigator.onLine = true;
  world.fire('online');
  await world.pass();
  assert.deepEqual([world.sockets.length, tide.state.name], [2, 'live']);
  tide.close();
});

test('waits grow, are random as a whole, and say until when', async () => {
  const world = new World();
  world.onsocket = (socket) => queueMicrotask(() => socket.end());
  world.answers.poll = () => Promise.reject(new Error('down'));
  world.randomNext = 1;
  const tide = world.connect();
  collect(tide, 'a');
  await world.pass(60_000);
  const waits = world.states.filter(({ name }) => name === 'waiting');
  assert.ok(waits.length >= 5);
  const delays = world.sockets.length;
  world.randomNext = 0;
  assert.ok(tide.state.until > world.nowMs && tide.state.until <= world.nowMs + 15_000);
  assert.ok(delays < 12, `${delays} attempts in a minute`);
  tide.close();
});

test('a time that the server gives is kept exactly', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a');
  await world.pass();
  world.socket.say({ type: 'goodbye', code: 1012, position: 'e-0', retry_ms: 7_000 });
  world.socket.end(1012);
  assert.equal(tide.state.until, world.nowMs + 7_000);
  await world.pass(6_999);
  assert.equal(world.sockets.length, 1);
  await world.pass(1);
  assert.equal(world.sockets.length, 2);
  tide.close();
});

test('one subscription that is refused leaves the others', async () => {
  const world = new World();
  world.refuses = ['secret'];
  const tide = world.connect();
  const good = collect(tide, 'a');
  await world.pass();
  const errors = [];
  collect(tide, 'secret', { onerror: (error) => errors.push(error.code) });
  await world.pass();
  world.publish('a');
  assert.deepEqual([errors, good.data], [['forbidden'], [1]]);
  assert.equal(tide.state.name, 'live');
  tide.close();
});

test('a handshake that is refused for one subscription goes on without it', async () => {
  const world = new World();
  world.onsocket = (socket) =>
    socket.url.searchParams.getAll('channel').includes('secret') ? queueMicrotask(() => socket.end()) : socket.open();
  world.answers.poll = ({ body }) =>
    body.channels.includes('secret') ? problem(403, 'forbidden', 'not allowed') : world.page(body);
  const tide = world.connect();
  const good = collect(tide, 'a');
  const errors = [];
  collect(tide, 'secret', { onerror: (error) => errors.push(error.message) });
  await world.pass(2_000);
  world.publish('a');
  assert.deepEqual([errors, good.data], [['not allowed'], [1]]);
  tide.close();
});

test('a refusal says why and what to do, and ends the iterators', async () => {
  const world = new World();
  world.answers.tickets = () => problem(401, 'unauthorized', 'the token is signed with another key');
  const tide = world.connect({ token: 'bad' });
  const iterator = tide.subscribe('a');
  const next = assert.rejects(iterator.next(), { name: 'TidewireError', code: 'unauthorized', status: 401 });
  await world.pass();
  await next;
  const { name, reason, help } = tide.state;
  assert.deepEqual([name, reason], ['refused', 'the token is signed with another key']);
  assert.match(help, /token/);
  assert.equal((await iterator.next()).done, true);
  tide.close();
});

test('a gap that nobody handles ends the iterator with an error that says so', async () => {
  const world = new World();
  const tide = world.connect();
  const iterator = tide.subscribe('a');
  const gaps = [];
  const handled = tide.subscribe('a', { ongap: (gap) => gaps.push(gap) });
  const next = iterator.next();
  next.catch(() => {});
  await world.pass();
  const gap = { channel: 'a', from: 'e-0', to: 'e-5' };
  world.socket.say({ type: 'gap', ...gap });
  world.socket.say({ type: 'gap', ...gap });
  await assert.rejects(next, ({ code, gap: lost, message }) => {
    assert.match(message, /ongap/);
    assert.deepEqual(lost, gap);
    return code === 'gap';
  });
  assert.deepEqual(gaps, [gap]);
  assert.equal(handled.isClosed, false);
  tide.close();
});

test('a position that the server does not know moves to where it goes on', async () => {
  const world = new World();
  const tide = world.connect();
  const gaps = [];
  const ongap = ({ channel, to }) => gaps.push(`${channel} ${to}`);
  const { data, subscription } = collect(tide, ['a', 'b'], { since: 'old-7', ongap });
  world.onsocket = (socket) => {
    socket.isOpen = true;
    queueMicrotask(() => {
      socket.say({ type: 'welcome', heartbeat_ms: 1_000, position: 'e-2' });
      // Each channel has a notice of its own.
      for (const channel of ['a', 'b', 'a']) socket.say({ type: 'gap', channel, from: 'old-7', to: 'e-2' });
      socket.say({ type: 'position', position: 'e-2' });
      socket.say({ type: 'message', channel: 'a', position: 'e-3', data: 3 });
    });
  };
  await world.pass();
  assert.deepEqual([gaps, data, subscription.position], [['a e-2', 'b e-2'], [3], 'e-3']);
  tide.close();
});

test('positions of an iterator are those of what was taken from it', async () => {
  const world = new World();
  const tide = world.connect();
  const iterator = tide.subscribe('a');
  await world.pass();
  world.publish('a');
  world.publish('a');
  assert.equal(iterator.position, 'e-0');
  assert.equal((await iterator.next()).value.data, 1);
  assert.equal(iterator.position, 'e-1');
  await iterator.next();
  assert.equal(iterator.position, 'e-2');
  tide.close();
});

test('an abort ends a subscription, and not the connection', async () => {
  const world = new World();
  world.heartbeatMs = 10_000;
  const tide = world.connect();
  const abort = new AbortController();
  const taken = [];
  const done = (async () => {
    for await (const { data } of tide.subscribe('a', { signal: abort.signal })) taken.push(data);
  })();
  await world.pass();
  world.publish('a');
  await world.pass();
  abort.abort();
  await done;
  assert.deepEqual(taken, [1]);
  await world.pass();
  assert.deepEqual(world.socket.sent, [{ type: 'unsubscribe', channel: 'a', id: 1 }]);
  collect(tide, 'b');
  await world.pass();
  assert.deepEqual([world.sockets.length, tide.state.name], [1, 'live']);
  tide.close();
});

test('what is subscribed no more is unsubscribed', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a');
  const second = collect(tide, ['a', 'b']);
  await world.pass();
  second.subscription.close();
  await world.pass();
  assert.deepEqual(world.socket.sent, [{ type: 'unsubscribe', channel: 'b', id: 1 }]);
  tide.close();
});

test('a publish takes the open socket, else HTTP', async () => {
  const world = new World();
  world.answers.publish = ({ body }) => ({ results: body.messages.map(({ channel }) => ({ position: world.publish(channel) })) });
  const tide = world.connect();
  assert.deepEqual(await tide.publish('a', 1), { position: 'e-1' });
  collect(tide, 'b');
  await world.pass();
  assert.deepEqual(await tide.publish('a', { n: 2 }, { id: 'x' }), { position: 'e-2' });
  assert.deepEqual(world.socket.sent, [{ type: 'publish', channel: 'a', data: { n: 2 }, message_id: 'x', id: 1 }]);
  const pending = tide.publish('a', 3);
  world.socket.end();
  await assert.rejects(pending, { code: 'closed', isFinal: false });
  tide.close();
});

test('a message without echo is for others only, and keeps no message back', async () => {
  const world = new World();
  const tide = world.connect();
  const { data, subscription } = collect(tide, 'a');
  await world.pass();
  world.publish('a', 'one');
  const published = tide.publish('a', 'mine', { echo: false });
  world.publish('a', 'two');
  await published;
  world.publish('a', 'three');
  assert.deepEqual(data, ['one', 'two', 'three']);
  world.answers.publish = () => ({ results: [{ error: { code: 'bad_data', message: 'no' } }] });
  world.onsocket = () => {};
  world.socket.end();
  await world.pass(1_000);
  await assert.rejects(tide.publish('a', 'bad', { echo: false }), { code: 'bad_data', isFinal: true });
  world.onsocket = undefined;
  world.publish('a', 'four');
  await world.pass(30_000);
  assert.deepEqual([data, subscription.position], [['one', 'two', 'three', 'four'], world.head]);
  tide.close();
});

test('a token is fetched once, stays out of URLs, and is renewed in place', async () => {
  const world = new World();
  world.answers.tickets = ({ headers }) => ({ ticket: `ticket for ${headers.Authorization}` });
  let asked = 0;
  const tide = world.connect({ token: async () => `token${(asked += 1)}` });
  collect(tide, 'a');
  collect(tide, 'b', { since: 'earliest' });
  await world.pass();
  assert.equal(asked, 1);
  assert.equal(world.socket.url.searchParams.get('ticket'), 'ticket for Bearer token1');
  world.socket.say({ type: 'expiring', in_ms: 30_000 });
  await world.pass();
  assert.deepEqual(world.socket.sent.at(-1), { type: 'token', token: 'token2', id: 1 });
  world.socket.end(4002);
  await world.pass(1_000);
  assert.equal(world.socket.url.searchParams.get('ticket'), 'ticket for Bearer token3');
  tide.close();
});

test('a closed client leaves nothing running', async () => {
  const world = new World();
  const tide = world.connect();
  world.watch(tide);
  const iterator = tide.subscribe('a');
  await world.pass();
  tide.close();
  await world.pass();
  assert.deepEqual([world.timers, world.listeners, world.socket.isClosed], [0, 0, true]);
  assert.equal((await iterator.next()).done, true);
  assert.throws(() => tide.subscribe('a'), /closed/);
});

test('wrong arguments throw and say what is allowed', () => {
  const world = new World();
  const tide = world.connect();
  for (const channels of ['/', '', [], ['a', 'b c'], 7, undefined, 'a.>.b', 'a..b']) {
    assert.throws(() => tide.subscribe(channels), { name: 'TypeError', message: /A-Z a-z 0-9/ });
  }
  assert.throws(() => tide.subscribe('a', { onmessage() {} }), { name: 'TypeError', message: /ongap/ });
  assert.throws(() => tide.subscribe('a', { onmessage() {}, gaps: 'yes' }), { name: 'TypeError', message: /'ignore'/ });
  assert.throws(() => connect('http://a', { wires: ['pigeon'] }), { name: 'TypeError', message: /websocket,sse,poll|sse,poll/ });
  assert.throws(() => connect('http://a', { wires: [] }), { name: 'TypeError', message: /wires/ });
  assert.throws(() => connectWith('http://a'), { name: 'TypeError', message: /wires/ });
  assert.throws(() => connect('nowhere'), TypeError);
  tide.close();
});

test('a gap for an unknown position moves no place back', async () => {
  const world = new World();
  const tide = world.connect();
  const gaps = [];
  const one = collect(tide, 'a', { ongap: ({ to }) => gaps.push(to) });
  await world.pass();
  world.publish('a');
  world.publish('a');
  world.socket.say({ type: 'gap', channel: 'a', from: 'old-9', to: 'e-1' });
  world.socket.say({ type: 'message', channel: 'a', position: 'e-2', data: 2 });
  assert.deepEqual([one.data, gaps, one.subscription.position], [[1, 2], ['e-1'], 'e-2']);
  // But a server that has an older copy of the log goes on there.
  world.socket.say({ type: 'gap', channel: 'a', from: 'e-2', to: 'e-1' });
  world.socket.say({ type: 'message', channel: 'a', position: 'e-2', data: 'other' });
  assert.deepEqual([one.data, gaps], [[1, 2, 'other'], ['e-1', 'e-1']]);
  tide.close();
});

test('what nobody has taken is not part of the position of a subscription that has ended', async () => {
  const endings = {
    break: (iterator) => iterator.return(),
    abort: (_iterator, abort) => abort.abort(),
    close: (_iterator, _abort, tide) => tide.close(),
  };
  for (const [name, end] of Object.entries(endings)) {
    const world = new World();
    const tide = world.connect();
    const abort = new AbortController();
    const iterator = tide.subscribe('a', { signal: abort.signal });
    const unread = tide.subscribe('a', { since: 'earliest' });
    await world.pass();
    for (const data of [1, 2, 3]) world.publish('a', data);
    assert.equal((await iterator.next()).value.data, 1);
    end(iterator, abort, tide);
    unread.close();
    assert.deepEqual([name, iterator.position, unread.position], [name, 'e-1', 'e-0']);
    assert.equal((await iterator.next()).done, true);
    tide.close();
  }
});

test('calls of `next` at the same time get a message each, and all end', async () => {
  const world = new World();
  const tide = world.connect();
  const iterator = tide.subscribe('a');
  const calls = [1, 2, 3, 4].map(() => iterator.next());
  await world.pass();
  world.publish('a', 'one');
  world.publish('a', 'two');
  iterator.close();
  const results = await Promise.all(calls);
  assert.deepEqual(results.map(({ value, done }) => (done ? 'end' : value.data)), ['one', 'two', 'end', 'end']);
  tide.close();
});

test('a channel may have the name of what every object has', async () => {
  for (const channel of ['constructor', 'toString', '__proto__']) {
    const world = new World();
    const tide = world.connect();
    const gaps = [];
    tide.subscribe(channel, { onmessage() {}, ongap: ({ to }) => gaps.push(to) });
    await world.pass();
    for (const to of ['e-5', 'e-5', 'e-7']) world.socket.say({ type: 'gap', channel, from: 'e-0', to });
    assert.deepEqual([channel, gaps], [channel, ['e-5', 'e-7']]);
    tide.close();
  }
});

test('a place that was never stored begins now', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a', { since: null });
  await world.pass();
  assert.equal(world.socket.url.searchParams.get('since'), 'now');
  for (const since of [7, {}, new Date()]) assert.throws(() => tide.subscribe('a', { since }), { name: 'TypeError', message: /since/ });
  assert.throws(() => tide.subscribe('a', { gaps: 'yes' }), { name: 'TypeError', message: /'ignore'/ });
  tide.close();
});
