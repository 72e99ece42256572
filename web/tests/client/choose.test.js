/** Which wire is used when some of them fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose } from '../../client/choose.js';

const [ws, sse, poll] = ['websocket', 'sse', 'poll'].map((name) => ({ name }));
const MINUTE = 60_000;

function world() {
  const clock = { ms: 0 };
  return { clock, choice: choose([ws, sse, poll], { now: () => clock.ms }) };
}

test('a wire that fails is followed by the next one at once', () => {
  const { choice } = world();
  assert.equal(choice.next(), ws);
  assert.equal(choice.failed(ws), true);
  assert.equal(choice.next(), sse);
  assert.equal(choice.failed(sse), true);
  assert.equal(choice.next(), poll);
});

test('where all have failed it is not the wires, and the best one is next', () => {
  const { choice } = world();
  for (const wire of [ws, sse]) choice.failed(wire);
  assert.ok(!choice.failed(poll));
  assert.equal(choice.next(), ws);
  choice.opened();
  assert.equal(choice.next(), ws);
});

test('a wire that fails where another one opens is avoided for a while, which grows', () => {
  const { clock, choice } = world();
  const waits = [];
  for (let times = 0; times < 5; times += 1) {
    assert.equal(choice.next(), ws);
    choice.failed(ws);
    assert.equal(choice.next(), sse);
    choice.opened();
    assert.equal(choice.next(), sse);
    waits.push(choice.steady(sse) / MINUTE);
    clock.ms += choice.steady(sse);
  }
  assert.deepEqual(waits, [2, 4, 8, 10, 10]);
});

test('a wire that lives is not avoided the next time, and has no better one', () => {
  const { clock, choice } = world();
  choice.failed(ws);
  choice.opened();
  clock.ms += choice.steady(sse);
  choice.opened();
  assert.equal(choice.steady(ws), undefined);
  choice.failed(ws);
  choice.opened();
  assert.equal(choice.steady(sse), 2 * MINUTE);
});
