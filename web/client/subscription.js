/**
 * One call of `subscribe`: its channels, the place up to which it has everything, and what waits for the application.
 *
 * The link delivers to it in the order of the log. On the connection a subscription is one of these:
 *
 *     live      the connection brings all of it; what is not after `floor` is a repetition
 *     behind    the connection brings all of it after `from`. What that is waits in `held`, until
 *               polls have brought everything up to `from`
 */
import { call, gapError, raise } from './errors.js';
import { matches, reaches } from './positions.js';

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
 * @property {string} [since] Where to begin: `now`, `earliest`, a position, a duration such as `5m`, or `@` and milliseconds.
 * @property {AbortSignal} [signal] Ends the subscription.
 * @property {(message: Message<T>) => void} [onmessage] Called for each message, in place of the iterator.
 * @property {(gap: import('./errors.js').Gap) => void} [ongap] Called when messages are lost.
 * @property {'ignore'} [gaps] Lost messages do not matter to the application.
 * @property {(error: import('./errors.js').TidewireError) => void} [onerror] Called when the server refuses the subscription.
 */

/**
 * Messages of one or more channels: an async iterator, or a source of callbacks.
 *
 * @template [T=any]
 */
export class Subscription {
  /** Where the link keeps what it knows of this subscription. */
  floor;
  from;
  isLive = false;
  held = [];
  #options;
  #onclose;
  #queue = [];
  /** The call of `next` that waits for a message. */
  #next;
  #ending;
  #place;
  /** For each channel the end of the last reported gap. */
  #gaps = {};

  /**
   * @param {string[]} channels
   * @param {SubscribeOptions<T>} options
   * @param {(subscription: Subscription) => void} onclose
   */
  constructor(channels, options, onclose) {
    this.channels = channels;
    this.since = options.since ?? 'now';
    this.#options = options;
    this.#onclose = onclose;
    const { signal } = options;
    if (signal?.aborted) return this.close(), this;
    signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  /** Everything up to here was handed to the application: pass it as `since` to go on later, on any wire. */
  get position() {
    return this.#queue.length ? this.#place : (this.floor ?? this.#place);
  }

  /** Whether no message follows. */
  get isClosed() {
    return this.#ending !== undefined;
  }

  /** Ends the subscription. Messages that wait in the iterator are dropped. */
  close() {
    this.#queue = [];
    this.#end({});
  }

  covers(channel) {
    return this.channels.some((pattern) => matches(pattern, channel));
  }

  /** Takes a message or a gap notice that the link has received for it. */
  take(frame) {
    if (this.#ending) return;
    if (frame.type === 'gap') return this.#takeGap(frame);
    if (reaches(this.floor, frame.position)) return;
    const { onmessage } = this.#options;
    if (onmessage) {
      this.floor = frame.position;
      return call(onmessage, frame);
    }
    if (!this.#queue.length) this.#place = this.floor;
    this.floor = frame.position;
    if (this.#next) this.#next.resolve({ value: frame, done: false });
    else this.#queue.push(frame);
    this.#next = undefined;
  }

  /** Everything up to `position` has been delivered. */
  advance(position) {
    if (!reaches(this.floor, position)) this.floor = position;
  }

  /** The server ends the subscription for good. */
  fail(error) {
    const { onmessage, onerror } = this.#options;
    if (this.#ending) return;
    this.#end({ error });
    if (onerror) call(onerror, error);
    else if (onmessage) call(raise, error);
  }

  #takeGap({ channel, from, to }) {
    const isUnknown = !reaches(to, from) || reaches(from, to);
    if (!isUnknown && (reaches(this.floor, to) || reaches(this.#gaps[channel], to))) return;
    if (isUnknown) {
      // The server does not know the position, and goes on after `to`. Another channel may have said so before.
      if (this.#gaps[channel] === to) return;
      this.floor = to;
    }
    this.#gaps[channel] = to;
    const { ongap, gaps } = this.#options;
    const gap = { channel, from, to };
    if (ongap) call(ongap, gap);
    else if (gaps !== 'ignore') this.fail(gapError(gap));
  }

  #end(ending) {
    if (this.#ending) return;
    this.#ending = ending;
    this.held = [];
    this.#onclose(this);
    if (!this.#next) return;
    if (ending.error) {
      this.#ending = {};
      this.#next.reject(ending.error);
    } else this.#next.resolve({ value: undefined, done: true });
  }

  /** @returns {AsyncIterator<Message<T>>} */
  [Symbol.asyncIterator]() {
    return this;
  }

  async next() {
    const [value] = this.#queue;
    if (value) {
      this.#queue.shift();
      this.#place = value.position;
      return { value, done: false };
    }
    const { error } = this.#ending ?? {};
    if (error) {
      this.#ending = {};
      throw error;
    }
    if (this.#ending) return { value: undefined, done: true };
    return new Promise((resolve, reject) => (this.#next = { resolve, reject }));
  }

  async return() {
    this.close();
    return { value: undefined, done: true };
  }
}
