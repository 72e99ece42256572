/**
 * One call of `subscribe`: its channels, the place up to which it has everything, and what waits for the application.
 *
 * The link delivers to it in the order of the log. On the connection a subscription is one of these:
 *
 *     live      the connection brings all of it; what is not after `floor` is a repetition
 *     behind    the connection brings all of it after `from`. What that is waits in `held`, until
 *               polls have brought everything up to `from`
 */
import { call, gapError } from './errors.js';
import { isUnknown, later, reaches, selector } from './positions.js';

/**
 * @template [T=any]
 * @typedef {object} Message
 * @property {string} channel
 * @property {string} position
 * @property {number} time When the server received it, in milliseconds since 1970.
 * @property {string} [event]
 * @property {string} [key]
 * @property {T} [data] Absent if the message removes its key.
 * @property {'base64'} [encoding] Of binary `data`.
 */

/**
 * @template [T=any]
 * @typedef {object} SubscribeOptions
 * @property {string | null} [since] Where to begin: `now` (also for `null`), `earliest`, a position, a duration such as `5m`, or `@` and milliseconds.
 * @property {AbortSignal} [signal] Ends the subscription.
 * @property {(message: Message<T>) => void} [onmessage] Called for each message, in place of the iterator.
 * @property {(gap: import('./errors.js').Gap) => void} [ongap] Called when messages are lost.
 * @property {'ignore'} [gaps] Lost messages do not matter to the application.
 * @property {(error: import('./errors.js').TidewireError) => void} [onerror] Called when the server refuses the subscription.
 */

/**
 * Messages of one or more channels: an async iterator, or a source of callbacks. `position` is the place up to which
 * everything was handed to the application: pass it as `since` to go on later, on any transport. After `close` no message follows,
 * and those that wait in the iterator are dropped.
 *
 * @template [T=any]
 * @typedef {AsyncIterableIterator<Message<T>> & {
 *   readonly channels: string[],
 *   readonly position: string | undefined,
 *   readonly isClosed: boolean,
 *   close(): void,
 * }} Subscription
 */

/**
 * @param {string[]} channels
 * @param {SubscribeOptions} options
 * @param {(one: object) => void} onclose
 */
export const subscription = (channels, options, onclose) => {
  const { signal, onmessage, ongap, gaps, onerror } = options;
  // A page that has stored no position yet has `null`.
  const since = options.since ?? 'now';
  if (typeof since !== 'string' || (gaps ? gaps !== 'ignore' : onmessage && !ongap)) {
    throw new TypeError("since is a text. With onmessage, pass ongap, or gaps: 'ignore'");
  }
  /** For each channel the end of the last reported gap. */
  const reported = new Map();
  let queue = [];
  /** The calls of `next` that wait for a message. */
  const waiting = [];
  /** What was taken last. */
  let place;
  let error;
  let isRead = false;

  const finish = (failure) => {
    self.isClosed = true;
    self.held = [];
    error = failure;
    signal?.removeEventListener('abort', close);
    onclose(self);
    for (const resolve of waiting) resolve(next());
  };
  const close = () => {
    // What nobody has taken is not part of the place to go on from.
    self.floor = self.position;
    queue = [];
    if (!self.isClosed) finish();
  };
  const next = async () => {
    isRead = true;
    if (queue.length) {
      const value = queue.shift();
      place = value.position;
      return { value, done: false };
    }
    const failure = error;
    error = undefined;
    if (failure) throw failure;
    if (self.isOver && !self.isClosed) {
      self.isOver = self.isLive = false;
      self.run = undefined;
      self.floor = place;
      self.begin(self);
    }
    return self.isClosed ? DONE : new Promise((resolve) => waiting.push(resolve));
  };

  const takeGap = ({ type, ...gap }) => {
    const { channel, from, to } = gap;
    // A server with an older copy of the log goes on before what it has delivered.
    const isBack = reaches(from, to);
    // Where the position is unknown, each channel has a notice of its own, and another one may have moved the place.
    if (reported.get(channel) === to ? !isBack : !isUnknown(gap) && reaches(later(reported.get(channel), self.floor), to)) return;
    reported.set(channel, to);
    if (isUnknown(gap)) self.floor = isBack ? to : later(self.floor, to);
    if (ongap) call(ongap, gap);
    else if (!gaps) self.fail(gapError(gap));
  };

  const self = {
    channels,
    since,
    isLive: false,
    /** More has come than may wait. What comes now is dropped; the next call of `next` goes back to `place`. */
    isOver: false,
    held: [],
    isClosed: false,
    covers: selector(channels),
    get position() {
      return queue.length || self.isOver ? place : (self.floor ?? place);
    },

    /** Takes a message or a gap notice that the link has received for it. */
    take(frame) {
      if (self.isClosed || self.isOver) return;
      if (frame.type === 'gap') return takeGap(frame);
      if (reaches(self.floor, frame.position)) return;
      if (!queue.length) place = self.floor;
      self.floor = frame.position;
      if (onmessage) return call(onmessage, frame);
      self.isOver = queue.push(frame) >= QUEUE_MAX;
      if (self.isOver && !isRead) queue = [];
      waiting.shift()?.(next());
    },

    /** Everything up to `position` has been delivered. */
    advance(position) {
      self.floor = later(self.floor, position);
    },

    /** The server ends it for good. */
    fail(failure) {
      if (self.isClosed) return;
      finish(failure);
      if (onerror) call(onerror, failure);
      // Nobody else would notice.
      else if (onmessage) Promise.reject(failure);
    },

    close,
    next,
    return: async () => {
      close();
      return DONE;
    },
    [Symbol.asyncIterator]: () => self,
  };
  signal?.addEventListener('abort', close);
  if (signal?.aborted) close();
  return self;
};

/** How many messages wait for the reader. Those after them are read from the server when it has taken these. */
const QUEUE_MAX = 1_000;
const DONE = { value: undefined, done: true };
