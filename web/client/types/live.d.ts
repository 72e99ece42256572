export type Change<V> = {
    key: string;
    value?: V;
    old?: V;
};
export type Following<V> = {
    /**
     * Whether the map holds the whole state, and follows it. It does not before the first answer, while
     * the state is read again after a gap, nor after the end.
     */
    isReady: boolean;
    /**
     * Resolves once it does. Rejects if the server refuses it.
     */
    ready: Promise<Live<V>>;
    /**
     * Why the map has ended, if the server has refused it.
     */
    error?: Error;
    /**
     * Calls `listener` with
     * each `change` from now on, or whenever the `state` of `isReady` or `error` has changed. Returns a function that ends this.
     */
    on: (name: 'change' | 'state', listener: (change: Change<V>) => void) => () => void;
    /**
     * What the map holds, and then each change: together they always
     * make the present state. If several changes of one key wait for the reader, it gets them as one.
     */
    changes: () => AsyncGenerator<Change<V>, void>;
    /**
     * Ends it. The map keeps what it holds, and does not follow the channel any more.
     */
    close: () => void;
};
export type Live<V> = ReadonlyMap<string, V> & Following<V>;
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
export declare function live(tide: import('./tide.js').Tide, channel: string, read: (since: string, signal: AbortSignal) => Promise<{
    entries: any[][];
    position: string;
    more?: boolean;
    gaps?: any;
}>, entry: (message: any) => any[]): Live<any>;
