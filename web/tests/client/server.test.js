/** Requests: addresses, refusals, and when the function for tokens is asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { server } from '../../client/server.js';
import { problem } from './world.js';

/** A server that accepts `good` tokens only, and the requests it has got. */
function guarded(good, code = 'expired') {
  const requests = [];
  const fetch = async (url, { headers, body }) => {
    requests.push({ url: String(url), token: headers.Authorization?.slice(7), body });
    await undefined;
    return good.includes(requests.at(-1).token) ? Response.json({}) : problem(401, code, 'it is not valid');
  };
  return { requests, fetch };
}

test('paths are below the address, whatever it ends with', () => {
  for (const address of ['https://a.test/tide', 'https://a.test/tide/', 'wss://a.test/tide']) {
    const { url } = server(address, undefined, undefined);
    assert.equal(url('poll', { channel: ['a', 'b'], user: undefined }).href, 'https://a.test/tide/poll?channel=a&channel=b');
  }
  assert.throws(() => server('nowhere', undefined, undefined), TypeError);
});

test('requests that are refused at the same time ask for one newer token', async () => {
  const { requests, fetch } = guarded(['T2']);
  let asked = 0;
  const { ask, token } = server('http://a', fetch, async () => `T${(asked += 1)}`);
  await token();
  await Promise.all([ask('one'), ask('two'), ask('three')]);
  assert.equal(asked, 2);
  assert.deepEqual(requests.slice(3).map((request) => request.token), ['T2', 'T2', 'T2']);
});

test('a request that is refused late uses the token that another one has got', async () => {
  const { fetch } = guarded(['T2']);
  let present = 'T1';
  const { ask, token } = server('http://a', fetch, () => present);
  await token();
  present = 'T2';
  await ask('one');
  // The source keeps T2, as an application's cache does.
  await ask('two');
});

test('a fresh token that expires on its way is no refusal, the same one again is', async () => {
  const { fetch } = guarded(['T3']);
  let asked = 0;
  const { ask } = server('http://a', fetch, () => `T${(asked += 1)}`);
  await assert.rejects(ask('one'), { code: 'expired', isFinal: false });
  await assert.rejects(ask('two'), { code: 'expired', isFinal: false });
  await ask('three');
  const { ask: askAgain } = server('http://a', fetch, () => 'T1');
  await assert.rejects(askAgain('one'), { isFinal: false });
  await assert.rejects(askAgain('two'), { isFinal: true });
});

test('a token that is refused twice is a refusal', async () => {
  const { requests, fetch } = guarded([], 'unauthorized');
  let asked = 0;
  const { ask, token } = server('http://a', fetch, () => `T${(asked += 1)}`);
  await token();
  await assert.rejects(ask('one'), { code: 'unauthorized', status: 401, isFinal: true, message: 'it is not valid' });
  assert.equal(requests.length, 2);
  const fixed = server('http://a', fetch, 'text');
  await assert.rejects(fixed.ask('one'), { status: 401, isFinal: true });
  assert.equal(requests.length, 3);
});

test('a function for tokens that throws is no refusal, and is asked again', async () => {
  const { fetch } = guarded(['T']);
  let asked = 0;
  const source = () => {
    if ((asked += 1) === 1) throw new Error('offline');
    return 'T';
  };
  const { ask } = server('http://a', fetch, source);
  await assert.rejects(ask('one'), { code: 'token', isFinal: false, message: /offline/ });
  await ask('one');
});

test('errors that pass are distinguished from those that do not', async () => {
  const answers = [
    [problem(503, 'unavailable', 'later', { 'Retry-After': '7' }), { isFinal: false, retryMs: 7_000, status: 503 }],
    [problem(429, 'limit_reached'), { isFinal: false, retryMs: undefined }],
    [problem(400, 'bad_channel', 'why'), { isFinal: true, message: 'why', code: 'bad_channel' }],
    [new Response('<html>', { status: 404 }), { isFinal: true, code: 'http', message: /404/ }],
    [new Response('<html>'), { isFinal: false, code: 'unreachable' }],
  ];
  for (const [answer, expected] of answers) {
    const { ask } = server('http://a', async () => answer, undefined);
    await assert.rejects(ask('x'), expected);
  }
  const { ask } = server('http://a', async () => Promise.reject(new TypeError('fetch failed')), undefined);
  await assert.rejects(ask('x'), { isFinal: false, status: undefined, message: /fetch failed/ });
});
