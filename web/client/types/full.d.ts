import { Tide as Core } from './tide.js';
export type Options = Omit<import('./tide.js').ConnectOptions, 'wires'> & {
    wires?: ('websocket' | 'sse' | 'poll')[];
    outbox?: import('./outbox.js').OutboxOptions | false;
};
/**
 * @typedef {Omit<import('./tide.js').ConnectOptions, 'wires'> & {
 *   wires?: ('websocket' | 'sse' | 'poll')[],
 *   outbox?: import('./outbox.js').OutboxOptions | false,
 * }} Options `wires` are the transports, the best first; `outbox` is what holds messages that are published offline.
 */
export declare class Tide extends Core {
    /** What waits to be published, unless the client has no outbox. */
    outbox: {
        readonly size: number;
        publish(channel: string, data?: any, { signal, id, ...options }?: import('./tide.js').PublishOptions): Promise<{
            position: string;
        }>;
    } | undefined;
    /**
     * @param {string | URL} url
     * @param {import('./tide.js').ConnectOptions & { outbox?: import('./outbox.js').OutboxOptions | false }} options
     */
    constructor(url: string | URL, options: import('./tide.js').ConnectOptions & {
        outbox?: import('./outbox.js').OutboxOptions | false;
    });
    /**
     * Publishes a message, and resolves to its position. Without a connection it waits in the outbox. `data` is any JSON;
     * without it the message removes its key.
     *
     * @param {string} channel
     * @param {any} [data]
     * @param {import('./tide.js').PublishOptions} [options]
     * @returns {Promise<{ position: string }>}
     */
    publish(channel: string, data?: any, options?: import('./tide.js').PublishOptions): Promise<{
        position: string;
    }>;
    /**
     * Follows a compacted channel as a `Map` from key to value.
     *
     * @template [V=any]
     * @param {string} channel
     * @returns {import('./live.js').Live<V>}
     */
    map<V = any>(channel: string): import('./live.js').Live<V>;
    /**
     * Follows the members of a channel with presence as a `Map` from connection to member. It does not join.
     *
     * @param {string} channel
     */
    presence(channel: string): import("./live.js").Live<import("./presence.js").Member>;
    /**
     * The stored messages of a channel or pattern: the oldest first, or with `before` the newest first.
     *
     * @template [T=any]
     * @param {string} channel
     * @param {import('./history.js').HistoryOptions} [options]
     * @returns {import('./history.js').History<T>}
     */
    history<T = any>(channel: string, options?: import('./history.js').HistoryOptions): import('./history.js').History<T>;
}
