/** Many tabs over one connection: who leads, and what the others receive when that changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose } from '../../client/choose.js';
import { tabs } from '../../client/tabs.js';
import { World, problem } from './world.js';

/** The locks and the channel that the tabs of one browser share. */
class Browser {
  world = new World();
  tabs = [];
  #queue = [];
  #holder;

  /** A tab with a client, and what it has received. */
  open() {
    const { world } = this;
    const tab = { isFrozen: false, received: [], states: [], ports: new Set(), window: new EventTarget() };
    const { io } = world;
    tab.number = this.tabs.push(tab);
    const guarded = (run) => () => tab.isFrozen || run();
    const parts = {
      random: () => tab.number / 100,
      setTimeout: (run, ms) => io.setTimeout(guarded(run), ms),
      setInterval: (run, ms) => {
        const timer = { id: undefined };
        const again = () => (timer.id = io.setTimeout(() => (again(), guarded(run)()), ms));
        again();
        return timer;
      },
      clearInterval: ({ id }) => io.clearTimeout(id),
      navigator: { locks: { request: (name, options, run) => this.#request(tab, options, run) } },
      BroadcastChannel: this.#channel(tab),
      window: tab.window,
    };
    tab.tide = world.connect({
      ...parts,
      onstate: ({ name }) => tab.states.push(name),
      choose: (wires, own) => tabs('tab test', choose(wires, own), own),
    });
    /** As a browser does it: what other tabs say waits. */
    tab.freeze = () => Object.assign(tab, { isFrozen: true, kept: [] });
    tab.thaw = () => {
      const { kept } = tab;
      Object.assign(tab, { isFrozen: false, kept: undefined });
      for (const hand of kept) hand();
    };
    tab.follow = (channels, options = {}) => {
      const onmessage = ({ data }) => tab.received.push(data);
      return tab.tide.subscribe(channels, { gaps: 'ignore', onmessage, ...options });
    };
    return tab;
  }

  /** A tab that is gone: nothing in it runs any more, and the browser frees its lock. */
  kill(tab) {
    tab.isFrozen = tab.isGone = true;
    for (const socket of this.world.sockets) if (socket.tab === tab) socket.isStalled = true;
    this.#queue = this.#queue.filter((waiting) => waiting.tab !== tab);
    if (this.#holder?.tab === tab) this.#free();
  }

  get leader() {
    return this.#holder?.tab;
  }

  #request(tab, { steal }, run) {
    return new Promise((resolve, reject) => {
      const request = { tab, run, resolve, reject };
      if (!steal) this.#queue.push(request);
      else {
        const old = this.#holder;
        this.#holder = undefined;
        old?.reject(new Error('stolen'));
        this.#queue.unshift(request);
      }
      queueMicrotask(() => this.#holder ?? this.#free());
    });
  }

  #free() {
    const next = (this.#holder = this.#queue.shift());
    if (!next) return;
    Promise.resolve(next.run()).then((value) => {
      next.resolve(value);
      if (this.#holder === next) this.#free();
    });
  }

  #channel(tab) {
    const browser = this;
    return class {
      constructor() {
        tab.ports.add(this);
      }
      postMessage(data) {
        if (!tab.ports.has(this)) throw new Error('InvalidStateError');
        const copy = structuredClone(data);
        for (const other of browser.tabs) {
          if (other === tab) continue;
          const hand = () => {
            for (const port of other.ports) port.onmessage?.({ data: copy });
          };
          queueMicrotask(() => {
            if (other.kept) other.kept.push(hand);
            else if (!other.isFrozen) hand();
          });
        }
      }
      close() {
        tab.ports.delete(this);
      }
    };
  }
}

const alive = ({ world }) => world.sockets.filter((socket) => socket.isOpen && !socket.isClosed);

/** Two tabs that follow `a`, of which the first leads. */
async function twoTabs() {
  const browser = new Browser();
  const { world } = browser;
  const [first, second] = [browser.open(), browser.open()];
  first.follow('a');
  second.follow('a');
  await world.pass(100);
  return { browser, world, first, second };
}

test('fifty tabs have one connection, and each receives what it subscribes to', async () => {
  const browser = new Browser();
  const { world } = browser;
  const all = Array.from({ length: 50 }, () => browser.open());
  all.forEach((tab, at) => tab.follow(at % 2 ? 'a' : '>'));
  await world.pass(100);
  for (const channel of ['a', 'b', 'a']) world.publish(channel);
  await world.pass(100);
  assert.equal(world.sockets.length, 1);
  all.forEach((tab, at) => assert.deepEqual([at, tab.received], [at, at % 2 ? [1, 3] : [1, 2, 3]]));
  assert.deepEqual([...new Set(all.map((tab) => tab.tide.state.name))], ['live']);
  for (const tab of all) tab.tide.close();
});

test('when the leader is closed the next tab leads, and nobody misses a message', async () => {
  const browser = new Browser();
  const { world } = browser;
  const [first, second, third] = [browser.open(), browser.open(), browser.open()];
  for (const tab of [first, second, third]) tab.follow('a');
  await world.pass(100);
  world.publish('a');
  await world.pass();
  first.tide.close();
  world.publish('a');
  await world.pass(100);
  world.publish('a');
  await world.pass(1_000);
  assert.deepEqual([second.received, third.received], [[1, 2, 3], [1, 2, 3]]);
  assert.equal(browser.leader, second);
  assert.equal(alive(browser).length, 1);
  second.tide.close();
  third.tide.close();
});

test('a leader that is killed hands over at once', async () => {
  const { browser, world, first, second } = await twoTabs();
  world.socket.isStalled = true;
  browser.kill(first);
  world.publish('a');
  await world.pass(100);
  assert.deepEqual([second.received, browser.leader], [[1], second]);
  second.tide.close();
});

test('a leader that is frozen keeps its lock, and another tab takes it within three seconds', async () => {
  const browser = new Browser();
  const { world } = browser;
  const all = [browser.open(), browser.open(), browser.open()];
  const [first, ...others] = all;
  for (const tab of all) tab.follow('a');
  await world.pass(100);
  first.isFrozen = true;
  world.socket.isStalled = true;
  world.publish('a');
  await world.pass(3_500);
  for (const tab of others) assert.deepEqual(tab.received, [1]);
  assert.notEqual(browser.leader, first);
  // It comes back, and follows.
  first.isFrozen = false;
  await world.pass(5_000);
  world.publish('a');
  await world.pass(5_000);
  for (const tab of all) assert.deepEqual(tab.received, [1, 2]);
  assert.equal(alive(browser).length, 1);
  for (const tab of all) tab.tide.close();
});

test('a tab that joins late, with a past, gets all of it in order', async () => {
  const browser = new Browser();
  const { world } = browser;
  const first = browser.open();
  first.follow('a');
  await world.pass(100);
  for (let number = 0; number < 7; number += 1) world.publish('a');
  const late = browser.open();
  late.follow(['a', 'b'], { since: 'earliest' });
  await world.pass(50);
  world.publish('b');
  await world.pass(2_000);
  assert.deepEqual(late.received, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(late.tide.state.wire, 'tab');
  assert.deepEqual(await late.tide.publish('a', 'x'), { position: 'e-9' });
  await world.pass(10);
  assert.deepEqual([first.received.at(-1), late.received.at(-1)], ['x', 'x']);
  first.tide.close();
  late.tide.close();
});

test('a message without echo is for all other tabs', async () => {
  const browser = new Browser();
  const { world } = browser;
  const all = [browser.open(), browser.open(), browser.open()];
  const [first, second, third] = all;
  for (const tab of all) tab.follow('a');
  await world.pass(100);
  await first.tide.publish('a', 'of the leader', { echo: false });
  await second.tide.publish('a', 'of another', { echo: false });
  await world.pass(100);
  assert.deepEqual(first.received, ['of another']);
  assert.deepEqual(second.received, ['of the leader']);
  assert.deepEqual(third.received, ['of the leader', 'of another']);
  for (const tab of all) tab.tide.close();
});

test('what other tabs receive is no beginning for one that still asks', async () => {
  const { browser, world, first, second } = await twoTabs();
  world.publish('a');
  world.publish('a');
  await world.pass(10);
  const late = browser.open();
  late.follow('a', { since: 'e-0' });
  for (let turn = 0; turn < 12; turn += 1) {
    world.publish('a');
    await Promise.resolve();
  }
  await world.pass(2_000);
  assert.deepEqual(late.received, world.log.map(({ data }) => data));
  for (const tab of browser.tabs) tab.tide.close();
});

test('no tab says live while the leader has no connection', async () => {
  const { browser, world, first, second } = await twoTabs();
  world.onsocket = (socket) => queueMicrotask(() => socket.end());
  world.answers.poll = () => Promise.reject(new Error('down'));
  world.socket.end();
  await world.pass(4_000);
  for (const tab of [first, second]) assert.match(tab.tide.state.name, /waiting|offline/);
  world.onsocket = undefined;
  delete world.answers.poll;
  world.publish('a');
  await world.pass(16_000);
  for (const tab of [first, second]) assert.deepEqual([tab.tide.state.name, tab.received], ['live', [1]]);
  assert.equal(browser.leader, first);
  first.tide.close();
  second.tide.close();
});

test('a channel that no tab follows any more is unsubscribed', async () => {
  const browser = new Browser();
  const { world } = browser;
  const [first, second] = [browser.open(), browser.open()];
  first.follow('a');
  await world.pass(100);
  const one = second.follow('b');
  await world.pass(100);
  one.close();
  await world.pass(100);
  assert.deepEqual(world.socket.sent.map(({ type, channel }) => `${type} ${channel}`), ['subscribe b', 'unsubscribe b']);
  first.tide.close();
  second.tide.close();
});

test('a tab that joins a leader which is behind misses nothing', async () => {
  const browser = new Browser();
  const { world } = browser;
  const [first, second, third] = [browser.open(), browser.open(), browser.open()];
  for (const tab of [first, second, third]) tab.follow('a');
  await world.pass(100);
  world.publish('a');
  world.publish('a');
  await world.pass(10);
  world.socket.isStalled = true;
  for (let number = 0; number < 30; number += 1) world.publish('a');
  // The next leader has a connection, and what it has missed is slow to come.
  world.onsocket = (socket) => {
    socket.isStalled = true;
    socket.open();
  };
  browser.kill(first);
  await world.pass(200);
  const late = browser.open();
  late.follow('a', { since: 'e-2' });
  await world.pass(200);
  world.socket.isStalled = false;
  world.socket.pump();
  world.publish('a');
  await world.pass(5_000);
  const all = world.log.map(({ data }) => data);
  assert.deepEqual([second.received, third.received, late.received], [all, all, all.slice(2)]);
  for (const tab of browser.tabs) tab.tide.close();
});

test('a tab that is gone is forgotten: at once if it says so, else after minutes', async () => {
  const browser = new Browser();
  const { world } = browser;
  const [first, second, third] = [browser.open(), browser.open(), browser.open()];
  first.follow('a');
  second.follow('b');
  third.follow('c');
  await world.pass(100);
  const ended = () => world.socket.sent.filter(({ type }) => type === 'unsubscribe').map(({ channel }) => channel);
  second.window.dispatchEvent(new Event('pagehide'));
  browser.kill(second);
  await world.pass(100);
  assert.deepEqual(ended(), ['b']);
  browser.kill(third);
  world.heartbeatMs = 10_000;
  const silence = world.io.setTimeout;
  const beat = () => silence(() => (world.socket.say({ type: 'position', position: world.head }), beat()), 1_000);
  beat();
  await world.pass(100_000);
  assert.deepEqual(ended(), ['b']);
  await world.pass(250_000);
  assert.deepEqual(ended(), ['b', 'c']);
  first.tide.close();
});

test('a tab that was forgotten while it was frozen goes on where it was', async () => {
  for (const isHidden of [false, true]) {
    const browser = new Browser();
    const { world } = browser;
    const [first, second, third] = [browser.open(), browser.open(), browser.open()];
    first.follow('z');
    second.follow('a');
    third.follow('z');
    await world.pass(100);
    world.publish('a');
    await world.pass(10);
    if (isHidden) second.window.dispatchEvent(new Event('pagehide'));
    second.freeze();
    const beat = () => world.io.setTimeout(() => (world.socket.say({ type: 'position', position: world.head }), beat()), 1_000);
    beat();
    await world.pass(310_000);
    world.publish('a');
    await world.pass(10);
    third.follow('a');
    await world.pass(100);
    world.publish('a');
    await world.pass(10);
    second.thaw();
    await world.pass(5_000);
    assert.deepEqual([isHidden, second.received], [isHidden, [1, 2, 3]]);
    for (const tab of browser.tabs) tab.tide.close();
  }
});

test('a leader that closes before the answer to another tab leaves no error', async () => {
  const { browser, world, first, second } = await twoTabs();
  const errors = [];
  const note = (error) => errors.push(error);
  process.on('unhandledRejection', note);
  world.socket.send = () => {};
  const published = second.tide.publish('a', 'x').catch(({ isFinal }) => isFinal);
  await world.pass();
  first.tide.close();
  assert.equal(await published, false);
  await world.pass(100);
  process.off('unhandledRejection', note);
  assert.deepEqual([errors, second.states.includes('closed')], [[], false]);
  second.tide.close();
});

test('what the leader may not do, a tab does with its own token', async () => {
  const browser = new Browser();
  const { world } = browser;
  world.refuses = ['secret'];
  const [first, second, third] = [browser.open(), browser.open(), browser.open()];
  first.follow('a');
  third.follow('a');
  await world.pass(100);
  const errors = [];
  second.follow('a', { onerror: ({ code }) => errors.push(code) });
  await world.pass(100);
  // The server refuses the leader, and not the tab's own connection.
  world.onsocket = (socket) => {
    world.refuses = [];
    socket.open();
  };
  second.follow('secret', { onerror: ({ code }) => errors.push(code) });
  await world.pass(200);
  world.publish('secret');
  world.publish('a');
  await world.pass(100);
  assert.deepEqual([errors, second.received, first.received, third.received], [[], [1, 2], [2], [2]]);
  assert.deepEqual([second, third].map(({ tide }) => tide.state.wire), ['websocket', 'tab']);
  for (const tab of browser.tabs) tab.tide.close();
});

test('a leader whose token is refused ends no subscription of another tab', async () => {
  const browser = new Browser();
  const { world } = browser;
  const [first, second] = [browser.open(), browser.open()];
  first.follow('a', { onerror() {} });
  second.follow('a');
  await world.pass(100);
  let polls = 0;
  // The leader has logged out.
  world.answers.poll = ({ body }) => ((polls += 1) <= 2 ? problem(401, 'unauthorized') : world.page(body));
  world.socket.end(4501);
  await world.pass(2_000);
  world.publish('a');
  await world.pass(100);
  assert.deepEqual([first.tide.state.name, second.tide.state.name, second.received], ['refused', 'live', [1]]);
  assert.equal(second.states.includes('refused'), false);
  second.tide.close();
  first.tide.close();
});

test('what the leader may not publish, a tab publishes by itself', async () => {
  const { browser, world, first, second } = await twoTabs();
  const { send } = world.socket;
  world.socket.send = function (text) {
    const { type, id } = JSON.parse(text);
    if (type !== 'publish') send.call(this, text);
    else queueMicrotask(() => this.say({ type: 'error', id, code: 'forbidden', message: 'no' }));
  };
  await assert.rejects(second.tide.publish('a', 'x'), { isFinal: false });
  await world.pass(100);
  assert.deepEqual(await second.tide.publish('a', 'x'), { position: 'e-1' });
  await world.pass(100);
  assert.deepEqual([first.received, second.received], [['x'], ['x']]);
  for (const tab of browser.tabs) tab.tide.close();
});
