/** A connection that does what a test says, for what is built above it. */
import { webcrypto } from 'node:crypto';
import { TidewireError } from '../client/errors.js';

// The client is for Node 20 and newer, but its tests also run on a system that has Node 18.
globalThis.crypto ??= webcrypto;

export class FakeTide {
  #state = { name: 'live', wire: 'websocket' };
  /** Each request as `{ path, query }`, and what answers it. Without an answer it lasts until its signal. */
  asked = [];
  answers = () => ({ messages: [], position: 'e-0' });
  /** Each subscription as `{ channels, options, isClosed }`. */
  subscriptions = [];
  /** Each attempt to publish as `{ channel, data, options, resolve, reject }`. */
  sent = [];
  /** What takes requests, as long as the WebSocket is open. */
  way = {};
  #listeners = new Set();

  get listeners() {
    return this.#listeners.size;
  }

  /** Each time another object, as that of a client that has a warning. */
  get state() {
    return { ...this.#state };
  }

  on(name, listener) {
    const one = { name, listener };
    this.#listeners.add(one);
    return () => void this.#listeners.delete(one);
  }

  become(state) {
    this.#state = state;
    const isOpen = state.wire === 'websocket' && ['live', 'catching up'].includes(state.name);
    this.way = isOpen ? (this.way ?? {}) : undefined;
    const name = state.name === 'closed' ? 'close' : 'state';
    for (const one of this.#listeners) if (one.name === name) one.listener(state);
  }

  async ask(path, { query, signal }) {
    this.asked.push({ path, query: { ...query } });
    const answer = this.answers(path, query, this.asked.length);
    if (answer) return answer;
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(unreachable())));
  }

  subscribe(channels, options) {
    const subscription = { channels, options, isClosed: false, close: () => (subscription.isClosed = true) };
    this.subscriptions.push(subscription);
    return subscription;
  }

  send(channel, data, options) {
    const { signal, ...rest } = options;
    return new Promise((resolve, reject) => {
      this.sent.push({ channel, data, options: rest, isOverHttp: !this.way, resolve, reject });
      if (!this.way) signal.addEventListener('abort', () => reject(unreachable()));
    });
  }
}

export const unreachable = () => new TidewireError('The server does not answer');
export const refusal = (status, detail) => new TidewireError('The server answers no', { status, ...detail });

/** Lets everything happen that waits for nothing else. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
