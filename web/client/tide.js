/** What an application has: any number of subscriptions over one connection, and publishing. */
import { call, refusal } from './errors.js';
import { link } from './link.js';
import { checked } from './positions.js';
import { server } from './server.js';
import { subscription } from './subscription.js';

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
 * @property {string | false} [tabs] Tabs of the same page share a connection if this is the same; `false` if they do not. With `token`
 *   they share only with this or `user`.
 * @property {(wires: import('./link.js').Wire[], io: any) => import('./link.js').Choice} [choose] Which wire to use.
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
    const { WebSocket, navigator } = globalThis;
    // What a client takes from its runtime. Tests pass others.
    const io = {
      now: Date.now,
      random: Math.random,
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
      fetch,
      WebSocket,
      navigator,
      ...options,
    };
    const { wires, user, info, token, onstate, choose } = io;
    if (!wires?.length) throw new TypeError('Pass a wire in wires');
    this.#server = server(url, io.fetch, token);
    if (onstate) this.on('state', onstate);
    const choice = choose(wires, io);
    this.#link = link({
      server: this.#server,
      choice,
      who: { user, info },
      io,
      onstate: () => this.emit('state', this.state),
    });
    choice.attach?.(this.#link, this);
  }

  /** @type {string | undefined} What may keep this client from a connection, and can be changed. */
  warning;

  /** @returns {import('./link.js').State} */
  get state() {
    const { state } = this.#link;
    return this.warning ? { ...state, warning: this.warning } : state;
  }

  /** A function that sends a request over the open connection; another one after each change. Without it requests go over HTTP. */
  get way() {
    return this.#link.request;
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
   * @returns {import('./subscription.js').Subscription<T>}
   */
  subscribe(channels, options = {}) {
    if (this.state.name === 'closed') throw new TypeError('The client is closed');
    const one = subscription(checked(channels), options, this.#link.remove);
    if (!one.isClosed) this.#link.add(one);
    return one;
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
    const request = this.way;
    // Not by the server: its connection may bring the message to other tabs, and a request over HTTP has no connection.
    const end = echo === false ? this.#link.mute() : undefined;
    let answer;
    try {
      if (request) answer = await request({ ...message, type: 'publish' });
      else [answer] = (await this.ask('publish', { body: { messages: [message] }, signal })).results;
      if (answer.error) throw refusal(answer.error);
      return { position: answer.position };
    } finally {
      end?.(answer?.position);
    }
  }

  /**
   * Sends a request to the server, with the token, and resolves to the JSON of its answer.
   *
   * @param {string} path
   * @param {import('./server.js').Asked} [asked]
   */
  ask(path, asked) {
    return this.#server.ask(path, asked);
  }

  /** The network may be another one, or the page was asleep: tries at once. */
  wake(event) {
    this.#link.wake(event);
  }

  /** Ends all subscriptions and the connection. */
  close() {
    if (this.state.name === 'closed') return;
    this.#link.close();
    this.emit('close');
  }

  /** Reports an event to its listeners. */
  emit(name, value) {
    for (const listener of [...(this.#listeners[name] ?? [])]) call(listener, value);
  }
}
