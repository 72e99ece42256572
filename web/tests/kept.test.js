/** An outbox that is kept over a reload, on an IndexedDB and Web Locks in memory. */
import 'fake-indexeddb/auto';
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { openOutbox } from '../client/outbox.js';
import { FakeTide, refusal } from './fake.js';

/** Web Locks as far as they are used here: exclusive, in the order of the requests, `ifAvailable` and `signal`. */
class Locks {
  #queues = new Map();

  request(name, { ifAvailable, signal }, callback) {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    if (ifAvailable && queue.length) return Promise.resolve(callback(null));
    return new Promise((resolve, reject) => {
      const run = () => resolve(Promise.resolve(callback({ name })).finally(() => (queue.shift(), queue[0]?.())));
      queue.push(run);
      signal?.addEventListener('abort', () => {
        const at = queue.indexOf(run);
        if (at > 0) queue.splice(at, 1);
        reject(signal.reason);
      });
      if (queue.length === 1) queueMicrotask(run);
    });
  }
}

const open = [];
afterEach(() => {
  for (const page of open.splice(0)) page.tide.become({ name: 'closed' });
});

/** A page with an outbox of that name. Closing the connection is what its reload is to the others: its lock is free. */
function page(name, options) {
  const tide = new FakeTide();
  const outbox = openOutbox(tide, { name, ...options });
  const one = { tide, outbox };
  open.push(one);
  return one;
}

async function until(condition) {
  for (let turn = 0; turn < 200 && !condition(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(condition(), String(condition));
}

const data = ({ tide }) => tide.sent.map((one) => one.data);
const publish = ({ outbox }, one) => outbox.publish('chat.a', one, { key: 'k' }).catch(() => {});

function locks(value) {
  Object.defineProperty(globalThis, 'navigator', { value: { locks: value }, configurable: true });
}

test('the next page sends what the page before has left, first and with the same ids', async () => {
  locks(new Locks());
  const before = page('reload');
  for (const one of [1, 2, 3]) publish(before, one);
  await until(() => before.tide.sent.length === 3);
  before.tide.sent[0].resolve({});
  await until(() => before.outbox.size === 2);
  before.tide.become({ name: 'closed' });

  const after = page('reload');
  publish(after, 4);
  await until(() => after.tide.sent.length === 3);
  assert.deepEqual(data(after), [2, 3, 4]);
  assert.deepEqual(after.tide.sent[0].options, before.tide.sent[1].options);
  for (const one of after.tide.sent) one.resolve({});
  await until(() => after.outbox.size === 0);
  after.tide.become({ name: 'closed' });

  const last = page('reload');
  publish(last, 5);
  await until(() => last.tide.sent.length > 0);
  assert.deepEqual(data(last), [5], 'what was answered is kept no more');
});

test('two pages at once do not send the same, and the second takes over when the first is gone', async () => {
  locks(new Locks());
  const first = page('two');
  publish(first, 1);
  await until(() => first.tide.sent.length === 1);
  const second = page('two');
  publish(second, 2);
  await until(() => second.tide.sent.length === 1);
  assert.deepEqual(data(second), [2]);
  first.tide.become({ name: 'closed' });
  await until(() => second.tide.sent.length === 2);
  assert.deepEqual(data(second), [2, 1]);
});

test('of two that come after a page that is gone only one takes what it has left', async () => {
  locks(new Locks());
  const gone = page('heirs');
  publish(gone, 1);
  await until(() => gone.tide.sent.length === 1);
  gone.tide.become({ name: 'closed' });
  const heirs = [page('heirs'), page('heirs')];
  for (const heir of heirs) publish(heir, 2);
  await until(() => heirs.every((heir) => data(heir).includes(2)));
  assert.deepEqual(heirs.flatMap(data).sort(), [1, 2, 2]);
});

test('without Web Locks the next page takes everything', async () => {
  locks(undefined);
  const before = page('plain');
  publish(before, 1);
  await until(() => before.tide.sent.length === 1);
  before.tide.become({ name: 'closed' });
  const after = page('plain');
  await until(() => after.tide.sent.length === 1);
  assert.deepEqual(data(after), [1]);
});

test('what is refused without a page that waits for it is an error for `onerror`', async () => {
  locks(new Locks());
  const before = page('refused');
  publish(before, 1);
  await until(() => before.tide.sent.length === 1);
  before.tide.become({ name: 'closed' });
  const errors = [];
  const after = page('refused', { onerror: (error, message) => errors.push([error.status, message.data]) });
  await until(() => after.tide.sent.length === 1);
  after.tide.sent[0].reject(refusal(403));
  await until(() => errors.length === 1);
  assert.deepEqual(errors, [[403, 1]]);
});

test('where nothing can be kept it is sent all the same, and said', async () => {
  locks(new Locks());
  const { indexedDB } = globalThis;
  globalThis.indexedDB = undefined;
  const errors = [];
  const one = page('nothing', { onerror: (error) => errors.push(error) });
  globalThis.indexedDB = indexedDB;
  publish(one, 1);
  await until(() => one.tide.sent.length === 1);
  assert.equal(errors.length, 1);
});

test('a store that is closed under its page holds up no message, and is said', async () => {
  locks(new Locks());
  const errors = [];
  const one = page('cleared', { onerror: (error, { data }) => errors.push([error.name, data]) });
  const first = one.outbox.publish('chat.a', 1);
  await until(() => one.tide.sent.length === 1);
  // As a browser does when the data of the site is cleared.
  const { transaction } = IDBDatabase.prototype;
  IDBDatabase.prototype.transaction = () => {
    throw new DOMException('The database is closed', 'InvalidStateError');
  };
  try {
    one.tide.sent[0].resolve({ position: 'e-1' });
    assert.deepEqual(await first, { position: 'e-1' });
    const second = one.outbox.publish('chat.a', 2);
    await until(() => one.tide.sent.length === 2);
    one.tide.sent[1].resolve({ position: 'e-2' });
    assert.deepEqual(await second, { position: 'e-2' });
    assert.deepEqual(errors, [1, 2, 2].map((data) => ['InvalidStateError', data]));
  } finally {
    IDBDatabase.prototype.transaction = transaction;
  }
});
