/**
 * What is published while the server cannot be reached waits here. Each message has an id from the start, so that the
 * server takes it once although it may be sent twice. The order is that of the calls, with one exception: if the
 * server refuses one of several over a WebSocket for a moment, such as by a limit of its rate, those after it may overtake it.
 */
import { backoffMs, canPass } from './again.js';
import { TidewireError } from './errors.js';
import { openKept, randomId } from './kept.js';
import { checked } from './positions.js';

/**
 * @typedef {object} OutboxOptions
 * @property {number} [max] How many messages wait at most.
 * @property {string} [name] Keeps them in IndexedDB under this name. If the page is gone, a later page of this name sends them.
 * @property {(error: Error, message?: object) => void} [onerror] Called with what no promise can report: a message of an earlier
 *   page is refused, or cannot be kept.
 */

/**
 * @param {import('./tide.js').Tide} tide
 * @param {OutboxOptions} [options]
 */
export function openOutbox(tide, { max = 1_000, name, onerror = console.warn } = {}) {
  let store;
  let isClosed = false;
  const { queue, settle, pump, pause } = sender(tide, (entry) => note('remove', entry), onerror);
  /** Has the store keep or remove a message. It fails if the data of the site was cleared under the page. */
  const note = (what, entry) => store?.[what](entry).catch((error) => onerror(error, entry));
  const keep = (entry) => note('add', entry);
  /** Opens the store before anything is sent: what an earlier page has left goes first. */
  const open = async () => {
    pause();
    try {
      store = await openKept(name, (messages) => {
        queue.unshift(...messages);
        pump();
      });
      if (isClosed) store.close();
      queue.filter((entry) => entry.reject).forEach(keep);
    } catch (error) {
      // They are sent all the same, only not after a reload.
      onerror(error);
    }
    pause(isClosed);
  };

  tide.on('close', () => {
    isClosed = true;
    pause();
    for (const { reject } of queue.splice(0)) reject?.(closed());
    store?.close();
  });
  if (name) open();

  return {
    /** How many messages wait for an answer. */
    get size() {
      return queue.length;
    },

    /**
     * Resolves once the server has the message. Rejects if it refuses it, or if nothing more can wait here.
     *
     * @param {string} channel
     * @param {any} [data]
     * @param {import('./tide.js').PublishOptions} [options]
     * @returns {Promise<{ position: string }>}
     */
    async publish(channel, data, { signal, id = randomId(), ...options } = {}) {
      signal?.throwIfAborted();
      if (isClosed) throw closed();
      if (queue.length >= max) throw new TidewireError(`${max} messages wait. Publish later, or raise outbox.max`, { code: 'outbox_full' });
      // The server says the same, but it may not be there for a long time.
      if (/[*>]/.test(checked([channel]))) throw new TypeError(`Publish to one channel, not to ${channel}`);
      // A copy, also of a proxy: what is sent later is what was meant now.
      const text = JSON.stringify(data);
      if (!text && data !== undefined) throw new TypeError('data is any JSON value');
      const entry = { channel, data: text && JSON.parse(text), options: { ...options, id } };
      const take = () => settle(entry) && entry.reject(signal.reason);
      signal?.addEventListener('abort', take);
      return new Promise((resolve, reject) => {
        Object.assign(entry, { resolve, reject });
        queue.push(entry);
        keep(entry);
        pump();
      }).finally(() => signal?.removeEventListener('abort', take));
    },
  };
}

/** Sends what is in its `queue`, and again after failures that pass. `onsettled` gets each entry that has its answer. */
function sender(tide, onsettled, onerror) {
  /** Those that no answer has settled, in the order of their calls. Some of the first are on their way. */
  const queue = [];
  let failures = 0;
  let timer;
  let isPaused = false;
  /** Whether the server has said when to come again. */
  let isGiven = false;
  /** Whether the next message is sent alone, since the last ones have failed together. */
  let isCareful = false;

  // Several over a WebSocket, which has an order, elsewhere each after the answer to the one before. What is on its way over
  // HTTP when the connection is back is sent again over that, before anything else.
  const pump = () => {
    const { way, state } = tide;
    const stale = queue.find((entry) => entry.abort && entry.way !== way);
    if (stale) return stale.way || stale.abort();
    if (timer || isPaused) return;
    const countMax = way && state.wire === 'websocket' && !isCareful ? IN_FLIGHT_MAX : 1;
    for (const entry of queue.slice(0, countMax)) if (!entry.abort) send(entry);
  };
  const send = async (entry) => {
    const isAlone = isCareful;
    const abort = new AbortController();
    // A message that is large, or a network that is slow, gets more time with each attempt.
    const deadline = tide.way ? undefined : setTimeout(() => abort.abort(), Math.min(ANSWER_MS_MAX, ANSWER_MS * 2 ** failures));
    Object.assign(entry, { way: tide.way, abort: () => abort.abort(pump) });
    try {
      const answer = await tide.send(entry.channel, entry.data, { ...entry.options, signal: abort.signal });
      failures = 0;
      isCareful = false;
      if (settle(entry)) entry.resolve?.(answer);
    } catch (error) {
      entry.abort = undefined;
      // A connection that ends because of one message ends for all that are on their way: they are tried one by one.
      if (abort.signal.reason !== pump) {
        if (canPass(error) || (error.code === 'closed' && !isAlone)) hold(error.retryMs);
        else if (settle(entry)) (entry.reject ?? onerror)(error, entry);
      }
    }
    clearTimeout(deadline);
    pump();
  };
  const settle = (entry) => takeOut(queue, entry) && (onsettled(entry), true);
  /** Sends nothing for a time: for as long as the server says, or until the connection is back. */
  const hold = (givenMs) => {
    isCareful = true;
    if (timer && givenMs === undefined) return;
    isGiven = givenMs !== undefined;
    clearTimeout(timer);
    timer = setTimeout(resume, givenMs ?? backoffMs(failures++));
  };
  const resume = () => {
    clearTimeout(timer);
    timer = undefined;
    isGiven = false;
    pump();
  };
  /** Sends nothing until it is called with `false`. */
  const pause = (yes = true) => {
    isPaused = yes;
    if (yes) clearTimeout(timer);
    else pump();
  };

  tide.on('state', ({ name }) => ((name === 'live' || tide.way) && !isGiven ? resume() : pump()));
  return { queue, settle, pump, pause };
}

/** Whether `entry` was in the queue, in which it is no more. */
function takeOut(queue, entry) {
  const at = queue.indexOf(entry);
  if (at >= 0) queue.splice(at, 1);
  return at >= 0;
}

const closed = () => new TidewireError('The client is closed', { code: 'closed' });

const IN_FLIGHT_MAX = 64;
/** After this time without an answer over HTTP the message is sent again. */
const ANSWER_MS = 4_000;
const ANSWER_MS_MAX = 60_000;
