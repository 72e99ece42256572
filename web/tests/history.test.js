/** Pages of the history. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { history } from '../client/history.js';
import { FakeTide, refusal, settled, unreachable } from './fake.js';

const at = (...offsets) => offsets.map((offset) => ({ channel: 'chat.a', position: `e-${offset}`, data: offset }));

function server(...all) {
  const tide = new FakeTide();
  tide.answers = (_path, _query, count) => {
    if (all[count - 1] instanceof Error) throw all[count - 1];
    return all[count - 1];
  };
  return tide;
}

async function data(messages) {
  const all = [];
  for await (const message of messages) all.push(message.data);
  return all;
}

test('messages come from the oldest on, page after page', async () => {
  const tide = server(
    { messages: at(1, 2), position: 'e-2', before: 'e-1', more: true },
    { messages: at(3), position: 'e-3', before: 'e-3' },
  );
  assert.deepEqual(await data(history(tide, 'chat.*', { since: '1h', until: 'e-9', limit: 2 })), [1, 2, 3]);
  assert.deepEqual(tide.asked, [
    { path: 'channels/chat.*/messages', query: { since: '1h', until: 'e-9', limit: 2 } },
    { path: 'channels/chat.*/messages', query: { since: 'e-2', until: 'e-9', limit: 2 } },
  ]);
});

test('with `before` they come from the newest on', async () => {
  const tide = server(
    { messages: at(3, 4), position: 'e-4', before: 'e-3', more: true },
    { messages: at(1, 2), position: 'e-2', before: 'e-1' },
  );
  assert.deepEqual(await data(history(tide, 'chat.a', { before: 'now' })), [4, 3, 2, 1]);
  assert.deepEqual(tide.asked.map(({ query }) => query), [{ before: 'now' }, { before: 'e-3' }]);
});

test('each iteration begins at the beginning', async () => {
  const page = { messages: at(1), position: 'e-1', before: 'e-1' };
  const tide = server(page, page);
  const messages = history(tide, 'chat.a', { since: 'e-0' });
  assert.deepEqual([await data(messages), await data(messages)], [[1], [1]]);
  assert.deepEqual(tide.asked[1].query, { since: 'e-0' });
});

test('a page is one request, and only if it is wanted', async () => {
  const tide = server({ messages: at(3, 4), position: 'e-4', before: 'e-3', more: true });
  for await (const page of history(tide, 'chat.a', { before: 'now' }).pages()) {
    assert.deepEqual(page.messages, at(3, 4));
    break;
  }
  assert.equal(tide.asked.length, 1);
});

test('a gap is handled by `ongap`, or is an error', async () => {
  const gap = { channel: 'chat.a', from: 'e-0', to: 'e-2' };
  const page = { messages: at(3), position: 'e-3', before: 'e-3', gaps: [gap] };
  const gaps = [];
  assert.deepEqual(await data(history(server(page), 'chat.a', { ongap: (one) => gaps.push(one) })), [3]);
  assert.deepEqual(gaps, [gap]);
  assert.deepEqual(await data(history(server(page), 'chat.a', { gaps: 'ignore' })), [3]);
  await assert.rejects(data(history(server(page), 'chat.a')), { code: 'gap', gap });
});

test('a request without an answer is repeated, a refused one is an error', async () => {
  const tide = server(unreachable(), { messages: at(1), position: 'e-1', before: 'e-1' });
  const messages = data(history(tide, 'chat.a'));
  await settled();
  tide.become({ name: 'live' });
  assert.deepEqual(await messages, [1]);
  await assert.rejects(data(history(server(refusal(403)), 'chat.a')), { status: 403 });
});

test('a signal ends it while it waits', async () => {
  const tide = server(unreachable());
  const abort = new AbortController();
  const messages = data(history(tide, 'chat.a', { signal: abort.signal }));
  await settled();
  abort.abort();
  const late = new Promise((resolve) => setTimeout(resolve, 10, 'late'));
  await assert.rejects(Promise.race([messages, late]), { name: 'AbortError' });
});
