export type Message<T = any> = {
    channel: string;
    position: string;
    /**
     * When the server received it, in milliseconds since 1970.
     */
    time: number;
    event?: string;
    key?: string;
    /**
     * Absent if the message removes its key.
     */
    data?: T;
    /**
     * Of binary `data`.
     */
    encoding?: 'base64';
};
export type SubscribeOptions<T = any> = {
    /**
     * Where to begin: `now` (also for `null`), `earliest`, a position, a duration such as `5m`, or `@` and milliseconds.
     */
    since?: string | null;
    /**
     * Ends the subscription.
     */
    signal?: AbortSignal;
    /**
     * Called for each message, in place of the iterator.
     */
    onmessage?: (message: Message<T>) => void;
    /**
     * Called when messages are lost.
     */
    ongap?: (gap: import('./errors.js').Gap) => void;
    /**
     * Lost messages do not matter to the application.
     */
    gaps?: 'ignore';
    /**
     * Called when the server refuses the subscription.
     */
    onerror?: (error: import('./errors.js').TidewireError) => void;
};
export type Subscription<T = any> = AsyncIterableIterator<Message<T>> & {
    readonly channels: string[];
    readonly position: string | undefined;
    readonly isClosed: boolean;
    close(): void;
};
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
export declare const subscription: (channels: string[], options: SubscribeOptions, onclose: (one: object) => void) => {
    channels: string[];
    since: string;
    isLive: boolean;
    /** More has come than may wait. What comes now is dropped; the next call of `next` goes back to `place`. */
    isOver: boolean;
    held: never[];
    isClosed: boolean;
    covers: (channel: string) => boolean;
    readonly position: any;
    /** Takes a message or a gap notice that the link has received for it. */
    take(frame: any): void | Promise<any>;
    /** Everything up to `position` has been delivered. */
    advance(position: any): void;
    /** The server ends it for good. */
    fail(failure: any): void;
    close: () => void;
    next: () => Promise<any>;
    return: () => Promise<{
        value: undefined;
        done: boolean;
    }>;
    [Symbol.asyncIterator]: () => /*elided*/ any;
};
