/** Positions of one epoch and of several, and which channels a pattern selects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnknown, later, matches, reaches } from '../../client/positions.js';

test('positions have an order within their epoch only', () => {
  assert.ok(reaches('a-10', 'a-9') && reaches('a-9', 'a-9') && reaches('a-9~90', 'a-9'));
  for (const [place, position] of [['a-9', 'a-10'], ['a-9', 'b-1'], [undefined, 'a-1'], ['a-1', undefined], [undefined, undefined]]) {
    assert.equal(reaches(place, position), false, `${place} ${position}`);
  }
  assert.deepEqual([later('a-1', 'a-2'), later('a-2', 'a-1'), later('a-9', 'b-1'), later(undefined, 'b-1')], ['a-2', 'a-2', 'b-1', 'b-1']);
});

test('a gap whose beginning the server does not know is of another epoch, or ends before it', () => {
  assert.equal(isUnknown({ from: 'a-1', to: 'a-5' }), false);
  assert.ok(isUnknown({ from: 'a-1', to: 'b-5' }) && isUnknown({ from: 'a-5', to: 'a-1' }));
});

test('patterns select what the server says they do', () => {
  for (const [pattern, channel] of [['a', 'a'], ['a.*', 'a.b'], ['*.b', 'a.b'], ['>', 'a'], ['a.>', 'a.b.c'], ['*.>', 'a.b'], ['$presence.*', '$presence.a']]) {
    assert.ok(matches(pattern, channel), `${pattern} ${channel}`);
  }
  for (const [pattern, channel] of [['a', 'a.b'], ['a.b', 'a'], ['a.*', 'a'], ['a.*', 'a.b.c'], ['a.>', 'a'], ['*', 'a.b'], ['a.b', 'axb'], ['>', '$presence.a'], ['*.a', '$presence.a'], ['a.>', 'a.$b']]) {
    assert.ok(!matches(pattern, channel), `${pattern} ${channel}`);
  }
});
