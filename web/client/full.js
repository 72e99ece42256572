/** A client with everything that is above subscriptions: the outbox, live maps, presence and history. */
import { history } from './history.js';
import { map } from './map.js';
import { openOutbox } from './outbox.js';
import { presence } from './presence.js';
import { Tide as Core } from './tide.js';

/**
 * @typedef {Omit<import('./tide.js').ConnectOptions, 'wires'> & {
 *   wires?: ('websocket' | 'sse' | 'poll')[],
 *   outbox?: import('./outbox.js').OutboxOptions | false,
 * }} Options `wires` are the transports, the best first; `outbox` is what holds messages that are published offline.
 */

export class Tide extends Core {
  /** What waits to be published, unless the client has no outbox. */
  outbox;

  /**
   * @param {string | URL} url
   * @param {import('./tide.js').ConnectOptions & { outbox?: import('./outbox.js').OutboxOptions | false }} options
   */
  constructor(url, options) {
    super(url, options);
    this.outbox = options.outbox === false ? undefined : openOutbox(this, options.outbox);
  }

  /**
   * Publishes a message, and resolves to its position. Without a connection it waits in the outbox. `data` is any JSON;
   * without it the message removes its key.
   *
   * @param {string} channel
   * @param {any} [data]
   * @param {import('./tide.js').PublishOptions} [options]
   * @returns {Promise<{ position: string }>}
   */
  publish(channel, data, options) {
    return this.outbox ? this.outbox.publish(channel, data, options) : super.publish(channel, data, options);
  }

  /**
   * Follows a compacted channel as a `Map` from key to value.
   *
   * @template [V=any]
   * @param {string} channel
   * @returns {import('./live.js').Live<V>}
   */
  map(channel) {
    return map(this, channel);
  }

  /**
   * Follows the members of a channel with presence as a `Map` from connection to member. It does not join.
   *
   * @param {string} channel
   */
  presence(channel) {
    return presence(this, channel);
  }

  /**
   * The stored messages of a channel or pattern: the oldest first, or with `before` the newest first.
   *
   * @template [T=any]
   * @param {string} channel
   * @param {import('./history.js').HistoryOptions} [options]
   * @returns {import('./history.js').History<T>}
   */
  history(channel, options) {
    return history(this, channel, options);
  }
}
