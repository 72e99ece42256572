/** Tabs that cannot share a connection count their streams. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countStreams } from '../../client/streams.js';

/** Tabs of one browser, each with the state of its client. */
function browser(protocol) {
  const ports = new Set();
  const warnings = [];
  const timers = [];
  const open = (state) => {
    const listeners = {};
    const tide = { state, emit: (name, value) => listeners[name](value), on: (name, listener) => ((listeners[name] = listener), () => delete listeners[name]) };
    class BroadcastChannel {
      constructor() {
        ports.add(this);
      }
      postMessage(data) {
        for (const port of ports) if (port !== this) port.onmessage({ data });
      }
      close() {
        ports.delete(this);
      }
    }
    const entries = [{ name: 'http://a.test/', nextHopProtocol: protocol }];
    const performance = { getEntries: () => entries };
    const console = { warn: (words) => warnings.push(words) };
    countStreams(tide, 'http://a.test', { BroadcastChannel, performance, console, setTimeout: (run) => timers.push(run) });
    const enter = (next) => {
      tide.state = next;
      listeners.state?.(next);
      for (const run of timers.splice(0)) run();
    };
    enter({ name: 'offline', wire: state.wire });
    enter(state);
    return { tide, enter, close: () => listeners.close() };
  };
  return { open, warnings };
}

const live = { name: 'live', wire: 'sse' };

test('the sixth stream over HTTP/1.1 is warned of, once', () => {
  const { open, warnings } = browser('http/1.1');
  for (let number = 0; number < 5; number += 1) open(live);
  assert.deepEqual(warnings, []);
  const { tide, enter } = open(live);
  assert.equal(warnings.length, 1);
  assert.match(tide.warning, /https/);
  enter({ name: 'offline', wire: 'sse' });
  assert.equal(warnings.length, 1);
});

test('a warning ends when the client connects and there are fewer streams', () => {
  const { open } = browser('http/1.1');
  const others = Array.from({ length: 5 }, () => open(live));
  const { tide, enter } = open(live);
  others[0].close();
  assert.match(tide.warning, /https/);
  enter({ name: 'offline', wire: 'sse' });
  assert.equal(tide.warning, undefined);
});

test('WebSockets, closed clients and HTTP/2 are no reason', () => {
  const { open, warnings } = browser('http/1.1');
  for (let number = 0; number < 9; number += 1) open({ name: 'live', wire: 'websocket' });
  for (let number = 0; number < 9; number += 1) open(live).close();
  open(live);
  const modern = browser('h2');
  for (let number = 0; number < 9; number += 1) modern.open(live);
  assert.deepEqual([warnings, modern.warnings], [[], []]);
});
