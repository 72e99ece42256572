export type HistoryOptions = {
    /**
     * Only messages after this position, duration or time.
     */
    since?: string;
    /**
     * The newest messages before this one, and then further back.
     */
    before?: string;
    /**
     * Only messages before this one, the oldest first.
     */
    until?: string;
    /**
     * How many messages a page has at most.
     */
    limit?: number;
    /**
     * Called when messages are lost. Without it that is an error.
     */
    ongap?: (gap: import('./errors.js').Gap) => void;
    /**
     * Lost messages do not matter to the application.
     */
    gaps?: 'ignore';
    /**
     * Ends it.
     */
    signal?: AbortSignal;
};
export type Page<T = any> = {
    /**
     * The oldest first.
     */
    messages: import('./subscription.js').Message<T>[];
    /**
     * `since` for the page after this one, and for a subscription.
     */
    position: string;
    /**
     * `before` for the page before this one.
     */
    before?: string;
    more?: boolean;
    gaps?: import('./errors.js').Gap[];
};
export type History<T = any> = AsyncIterable<import('./subscription.js').Message<T>> & {
    pages(): AsyncGenerator<Page<T>, void>;
};
/**
 * @typedef {object} HistoryOptions
 * @property {string} [since] Only messages after this position, duration or time.
 * @property {string} [before] The newest messages before this one, and then further back.
 * @property {string} [until] Only messages before this one, the oldest first.
 * @property {number} [limit] How many messages a page has at most.
 * @property {(gap: import('./errors.js').Gap) => void} [ongap] Called when messages are lost. Without it that is an error.
 * @property {'ignore'} [gaps] Lost messages do not matter to the application.
 * @property {AbortSignal} [signal] Ends it.
 */
/**
 * @template [T=any]
 * @typedef {object} Page
 * @property {import('./subscription.js').Message<T>[]} messages The oldest first.
 * @property {string} position `since` for the page after this one, and for a subscription.
 * @property {string} [before] `before` for the page before this one.
 * @property {boolean} [more]
 * @property {import('./errors.js').Gap[]} [gaps]
 */
/**
 * @template [T=any]
 * @typedef {AsyncIterable<import('./subscription.js').Message<T>> & { pages(): AsyncGenerator<Page<T>, void> }} History
 */
/**
 * The messages of `channel`, a name or a pattern: the oldest first, or with `before` the newest first.
 *
 * @template [T=any]
 * @param {import('./tide.js').Tide} tide
 * @param {string} channel
 * @param {HistoryOptions} [options]
 * @returns {History<T>}
 */
export declare function history<T = any>(tide: import('./tide.js').Tide, channel: string, { ongap, gaps: handling, signal, ...query }?: HistoryOptions): History<T>;
