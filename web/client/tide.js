/** What an application has: any number of subscriptions over one connection, and publishing. */
import { TidewireError, call } from './errors.js';
import { Link } from './link.js';
import { checked } from './positions.js';
import { Server } from './server.js';
import { Subscription } from './subscription.js';

/**
 * @typedef {object} ConnectOptions
 * @property {string | (() => string | undefined | Promise<string | undefined>)} [token] A token, or better a function that
 *   gives a fresh one. It is called when the client connects, and before the token in use expires.
 * @property {string} [user] Who this is, for channels with presence.
 * @property {any} [info] More about that.
 * @property {import('./link.js').Wire[]} wires The transports, the best first.
 * @property {(state: import('./link.js').State) => void} [onstate] Called when the state changes.
 * @property {any} [WebSocket] For a runtime without one.
 * @property {typeof fetch} [fetch]
 */

/**
 * @typedef {object} PublishOptions
 * @property {string} [event]
 * @property {string} [key] In a compacted channel, a newer message replaces the older ones of its key.
 * @property {string} [id] The server publishes a message of this id once.
 * @property {boolean} [echo] Whether subscriptions of this client receive the message. They do by default.
 * @property {'base64'} [encoding] `data` is a text with binary data.
 * @property {AbortSignal} [signal]
 */

export class Tide {
  #server;
  #link;
  #listeners = {};

  /**
   * @param {string | URL} url
   * @param {ConnectOptions} options
   */
  constructor(url, options) {
    const io = { ...defaults(), ...options };
    this.#server = new Server(url, io.fetch, options.token);
    if (options.onstate) this.on('state', options.onstate);
    this.#link = new Link(this.#server, options, io, (state) => this.#emit('state', state));
    this.#watchPage(io);
  }

  /** @returns {import('./link.js').State} */
  get state() {
    return this.#link.state;
  }

  /**
   * Calls `listener` at each event `name`: `state`, or `close`. Returns a function that ends that.
   *
   * @param {string} name
   * @param {(value: any) => void} listener
   */
  on(name, listener) {
    const listeners = (this.#listeners[name] ??= new Set());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * Subscribes to channels and patterns. The subscription is an async iterator of messages, or calls `onmessage`.
   *
   * @template [T=any]
   * @param {string | readonly string[]} channels
   * @param {import('./subscription.js').SubscribeOptions<T>} [options]
   * @returns {Subscription<T>}
   */
  subscribe(channels, options = {}) {
    if (this.state.name === 'closed') throw new TypeError('This client is closed. Call connect again.');
    const { since, onmessage, ongap, gaps } = options;
    if (since !== undefined && typeof since !== 'string') throw new TypeError(`since is ${since}. ${SINCE}`);
    if (gaps !== undefined && gaps !== 'ignore') throw new TypeError(`gaps is ${gaps}. Only 'ignore' is allowed.`);
    if (onmessage && !ongap && !gaps) throw new TypeError(GAPS);
    const subscription = new Subscription(checked(channels), options, (one) => this.#link?.remove(one));
    if (!subscription.isClosed) this.#link.add(subscription);
    return subscription;
  }

  /**
   * Publishes a message, and resolves to its position. `data` is any JSON; without it the message removes its key.
   *
   * @param {string} channel
   * @param {any} [data]
   * @param {PublishOptions} [options]
   * @returns {Promise<{ position: string }>}
   */
  publish(channel, data, options) {
    return this.send(channel, data, options);
  }

  /** One attempt to publish: over the open connection if it takes requests, else over HTTP. */
  async send(channel, data, { event, key, id, echo, encoding, signal } = {}) {
    const message = { channel, data, event, key, encoding, message_id: id };
    signal?.throwIfAborted();
    if (this.#link.canSend) {
      const { position } = await this.#link.request({ ...message, type: 'publish', echo });
      return { position };
    }
    const { results } = await this.ask('publish', { body: { messages: [message] }, signal });
    const [{ position, error }] = results;
    if (error) throw new TidewireError(error.message, { ...error, retryMs: error.retry_ms, isFinal: !error.retry_ms });
    return { position };
  }

  /**
   * Sends a request to the server, with the token, and resolves to the JSON of its answer.
   *
   * @param {string} path
   * @param {{ query?: object, method?: string, body?: any, headers?: object, signal?: AbortSignal }} [options]
   */
  ask(path, options) {
    return this.#server.ask(path, options);
  }

  /** Ends all subscriptions and the connection. */
  close() {
    if (this.state.name === 'closed') return;
    this.#emit('close');
    this.#link.close();
  }

  #emit(name, value) {
    for (const listener of [...(this.#listeners[name] ?? [])]) call(listener, value);
  }

  /** A page that comes back, or its network, is a reason to look at once. */
  #watchPage({ addEventListener, removeEventListener }) {
    if (!addEventListener) return;
    const wake = ({ type }) => {
      if (type === 'offline' || globalThis.document?.visibilityState !== 'hidden') this.#link.wake(type);
    };
    const events = ['online', 'offline', 'pageshow', 'visibilitychange'];
    for (const event of events) addEventListener(event, wake, true);
    this.on('close', () => {
      for (const event of events) removeEventListener(event, wake, true);
    });
  }
}

/** What a client takes from its runtime. Tests pass others. */
const defaults = () => ({
  now: Date.now,
  random: Math.random,
  setTimeout: (...call) => setTimeout(...call),
  clearTimeout: (timer) => clearTimeout(timer),
  fetch: (...call) => fetch(...call),
  WebSocket: globalThis.WebSocket,
  addEventListener: globalThis.addEventListener?.bind(globalThis),
  isOnline: () => globalThis.navigator?.onLine !== false,
  removeEventListener: globalThis.removeEventListener?.bind(globalThis),
});

const SINCE = 'Allowed are now, earliest, a position, a duration such as 5m, and @ with milliseconds since 1970.';
const GAPS =
  "subscribe with onmessage needs ongap, which is called when messages are lost, or gaps: 'ignore' if that does not matter.";
