/**
 * A channel that holds a state, as a `Map` that follows it: first the pages of the state, then each change. After a gap
 * the state is read again, and what differs is reported as changes. So a key is never stale in silence.
 */
import { again } from './again.js';
import { call } from './errors.js';

/**
 * A removal has no `value`, a new key no `old`.
 *
 * @template V
 * @typedef {{ key: string, value?: V, old?: V }} Change
 */

/**
 * @template V
 * @typedef {object} Following
 * @property {boolean} isReady Whether the map holds the whole state, and follows it. It does not before the first answer, while
 *   the state is read again after a gap, nor after the end.
 * @property {Promise<Live<V>>} ready Resolves once it does. Rejects if the server refuses it.
 * @property {Error} [error] Why the map has ended, if the server has refused it.
 * @property {(name: 'change' | 'state', listener: (change: Change<V>) => void) => () => void} on Calls `listener` with
 *   each `change` from now on, or whenever the `state` of `isReady` or `error` has changed. Returns a function that ends this.
 * @property {() => AsyncGenerator<Change<V>, void>} changes What the map holds, and then each change: together they always
 *   make the present state. If several changes of one key wait for the reader, it gets them as one.
 * @property {() => void} close Ends it. The map keeps what it holds, and does not follow the channel any more.
 */

/**
 * Read only: to change it, publish.
 *
 * @template V
 * @typedef {ReadonlyMap<string, V> & Following<V>} Live
 */

/**
 * Reads the state by `read(since, signal)`, which gives pages of entries, and follows `channel`, whose messages `entry` makes
 * entries. An entry without a value is a removal.
 *
 * @param {import('./tide.js').Tide} tide
 * @param {string} channel
 * @param {(since: string, signal: AbortSignal) => Promise<{ entries: any[][], position: string, more?: boolean, gaps?: any }>} read
 * @param {(message: any) => any[]} entry
 * @returns {Live<any>}
 */
export function live(tide, channel, read, entry) {
  /** @type {any} */
  const view = new Map();
  const set = view.set.bind(view);
  const remove = view.delete.bind(view);
  const abort = new AbortController();
  const { signal } = abort;
  const listeners = new Set();
  let subscription;

  const notify = (change) => {
    for (const listener of listeners) call(listener, change);
  };
  /** The same value again is no change. */
  const put = ([key, value]) => {
    const old = view.get(key);
    if (JSON.stringify(old) === JSON.stringify(value)) return;
    if (value === undefined) remove(key);
    else set(key, value);
    notify({ key, value, old });
  };
  const follow = async () => {
    const { state, since } = await readState(tide, signal, read);
    for (const key of [...view.keys()]) if (!state.has(key)) put([key]);
    for (const one of state) put(one);
    subscription = tide.subscribe(channel, {
      since,
      onmessage: (message) => put(entry(message)),
      ongap: begin,
      onerror: fail,
    });
    view.isReady = true;
    notify();
    return view;
  };
  const begin = () => {
    subscription?.close();
    view.isReady = false;
    notify();
    view.ready = follow();
    view.ready.catch((error) => signal.aborted || fail(error));
  };
  const fail = (error) => {
    view.error = error;
    close();
  };
  const close = () => {
    subscription?.close();
    abort.abort();
    stop();
    view.isReady = false;
    notify();
  };
  const on = (name, listener) => {
    const one = (change) => (name === 'change') === !!change && listener(change);
    listeners.add(one);
    return () => listeners.delete(one);
  };
  const refuse = () => {
    throw new TypeError('Read only: publish with a key to change it');
  };
  const stop = tide.on('close', close);
  begin();
  const changes = () => changesOf(view, listeners, signal);
  return Object.assign(view, { on, changes, close, set: refuse, delete: refuse, clear: refuse });
}

/** The whole state, and the position that it is of. */
async function readState(tide, signal, read) {
  const state = new Map();
  let since = FIRST;
  for (let more = true; more; ) {
    const page = await again(tide, signal, (signal) => read(since, signal));
    signal.throwIfAborted();
    // Something may be removed without notice there, so the state begins again.
    if (page.gaps && since !== FIRST) {
      state.clear();
      since = FIRST;
      continue;
    }
    for (const [key, value] of page.entries) value === undefined ? state.delete(key) : state.set(key, value);
    ({ position: since, more } = page);
  }
  return { state, since };
}

async function* changesOf(view, listeners, signal) {
  const waiting = new Map();
  let wake;
  for (const [key, value] of view) waiting.set(key, { key, value });
  const listener = (change) => {
    if (change) waiting.set(change.key, { ...change, old: (waiting.get(change.key) ?? change).old });
    wake?.();
  };
  listeners.add(listener);
  try {
    for (;;) {
      for (const [key, change] of waiting) {
        waiting.delete(key);
        yield change;
      }
      if (view.error) throw view.error;
      if (signal.aborted) return;
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    listeners.delete(listener);
  }
}

const FIRST = 'earliest';
