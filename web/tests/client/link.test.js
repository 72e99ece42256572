/** When the client's machine leaves a connection or a wire, and what it keeps meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose } from '../../client/choose.js';
import { TidewireError } from '../../client/core.js';
import { connect } from '../../client/tidewire.js';
import { World, collect, problem } from './world.js';

test('slow timers keep no dead connection', async () => {
  const world = new World();
  const { setTimeout } = world.io;
  world.heartbeatMs = 20_000;
  let isSlow = false;
  const nextMinute = (ms) => Math.ceil((world.nowMs + ms) / 60_000) * 60_000 - world.nowMs;
  const tide = world.connect({ setTimeout: (run, ms = 0) => setTimeout(run, isSlow ? nextMinute(ms) : ms) });
  collect(tide, 'a');
  await world.pass();
  // The browser hides the page: each timer waits for the full minute.
  isSlow = true;
  for (let times = 0; times < 30; times += 1) {
    world.socket.say({ type: 'position', position: world.head });
    await world.pass(20_000);
  }
  assert.equal(world.sockets.length, 1);
  await world.pass(240_000);
  assert.ok(world.sockets.length > 1);
  tide.close();
});

test('no close code ends a subscription that the server wants', async () => {
  for (const code of [1000, 1008, 1009, 4501]) {
    const world = new World();
    world.answers.tickets = ({ headers }) => ({ ticket: headers.Authorization });
    let asked = 0;
    const tide = world.connect({ token: () => `token${(asked += 1)}` });
    const { data, subscription } = collect(tide, 'a', { onerror() {} });
    await world.pass();
    world.socket.end(code, 'too large');
    world.publish('a');
    await world.pass(1_000);
    assert.deepEqual([code, data, subscription.isClosed], [code, [1], false]);
    assert.deepEqual(asked, code === 4501 ? 2 : 1);
    // What it does not want ends as before.
    world.answers.poll = () => problem(403, 'forbidden', 'not any more');
    world.socket.end(code);
    await world.pass(1_000);
    assert.deepEqual([tide.state.name, tide.state.reason], ['refused', 'not any more']);
    tide.close();
  }
});

test('what is published after a subscription reaches it', async () => {
  const world = new World();
  for (const connecting of [(options) => world.connect(options), (options) => connect('http://server.test/', { ...world.io, ...options })]) {
    const tide = connecting();
    collect(tide, 'x');
    await world.pass();
    const { data } = collect(tide, 'a');
    tide.publish('a', 'hi');
    await world.pass();
    assert.deepEqual(data, ['hi']);
    tide.close();
  }
});

/** A wire that changes its channels by opening again, as SSE does, with what it does when it is opened. */
function other(world, name, onopen) {
  const opened = [];
  return {
    name,
    opened,
    open(session) {
      opened.push(session);
      queueMicrotask(() => session.opened({ position: world.head, heartbeatMs: 60_000, head: world.head }));
      onopen?.(session);
      return { close: () => (session.isClosed = true) };
    },
  };
}

test('a stream that brings nothing to anybody is closed', async () => {
  const world = new World();
  const sse = other(world, 'sse');
  const tide = world.connect({ wires: [sse] });
  const { subscription } = collect(tide, 'a');
  await world.pass();
  assert.equal(tide.state.name, 'live');
  subscription.close();
  await world.pass();
  assert.deepEqual([tide.state.name, sse.opened.length, sse.opened[0].isClosed], ['offline', 1, true]);
  collect(tide, 'b');
  await world.pass();
  assert.deepEqual([tide.state.name, sse.opened.length], ['live', 2]);
  tide.close();
});

test('a wire that is cut whenever it has opened is left, but not for a few cuts', async () => {
  const world = new World();
  const cut = (session) => queueMicrotask(() => session.lost(new TidewireError('cut')));
  const [bad, good] = [other(world, 'bad', cut), other(world, 'good')];
  const tide = world.connect({ wires: [bad, good], choose });
  collect(tide, 'a');
  await world.pass(15_000);
  assert.deepEqual([bad.opened.length, good.opened.length, tide.state.wire], [4, 1, 'good']);
  tide.close();
});

test('where every wire is cut each attempt waits', async () => {
  const world = new World();
  const cut = (session) => queueMicrotask(() => session.lost(new TidewireError('cut')));
  const wires = ['one', 'two'].map((name) => other(world, name, cut));
  const tide = world.connect({ wires, choose });
  collect(tide, 'a');
  await world.pass(60_000);
  const count = wires[0].opened.length + wires[1].opened.length;
  assert.ok(wires[1].opened.length > 1 && count < 25, `${count} attempts in a minute`);
  tide.close();
});

test('what waits for an answer without echo is bounded, and nothing is lost', async () => {
  const world = new World();
  const tide = world.connect();
  const { data } = collect(tide, 'a');
  await world.pass();
  world.socket.send = () => {};
  const published = tide.publish('a', 'mine', { echo: false });
  for (let number = 0; number < 1_500; number += 1) world.publish('a');
  assert.ok(data.length > 1_000);
  world.socket.say({ type: 'published', id: 1, position: world.publish('a', 'mine') });
  await published;
  await world.pass();
  world.publish('a', 'last');
  assert.deepEqual(data, world.log.map((message) => message.data).filter((one) => one !== 'mine'));
  tide.close();
});

test('a warning is reported as a state, and so is its end', async () => {
  const world = new World();
  const tide = world.connect();
  collect(tide, 'a');
  await world.pass();
  const warnings = [];
  tide.on('state', ({ name, warning }) => warnings.push([name, warning]));
  tide.warning = 'six tabs';
  tide.emit('state', tide.state);
  world.socket.end();
  assert.deepEqual(warnings, [['live', 'six tabs'], ['waiting', 'six tabs']]);
  tide.close();
});

test('positions of messages without echo are forgotten once the connection is past them', async () => {
  const world = new World();
  const sets = [];
  const Plain = globalThis.Set;
  globalThis.Set = class extends Plain {
    constructor(...values) {
      super(...values);
      sets.push(this);
    }
  };
  const tide = world.connect();
  globalThis.Set = Plain;
  collect(tide, 'a');
  await world.pass();
  for (let number = 0; number < 50; number += 1) await tide.publish('elsewhere', number, { echo: false });
  world.socket.say({ type: 'position', position: world.head });
  assert.ok(sets.length > 0);
  assert.deepEqual(sets.filter(({ size }) => size > 1), []);
  tide.close();
});
