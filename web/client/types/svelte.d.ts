/**
 * The state of the connection, such as `{ name: 'live' }`.
 *
 * @param {import('./full.js').Tide} tide
 * @returns {import('svelte/store').Readable<import('./link.js').State>}
 */
export declare function connection(tide: import('./full.js').Tide): import('svelte/store').Readable<import('./link.js').State>;
/**
 * The newest `max` messages (100) of a channel, a pattern or several, and the gaps between them.
 *
 * @template [D=any]
 * @param {import('./full.js').Tide} tide
 * @param {string | string[]} channels
 * @param {{ since?: string, max?: number }} [options]
 * @returns {import('svelte/store').Readable<{ messages: import('./subscription.js').Message<D>[], gaps: import('./errors.js').Gap[], error?: Error }>}
 */
export declare function channel<D = any>(tide: import('./full.js').Tide, channels: string | string[], options?: {
    since?: string;
    max?: number;
}): import('svelte/store').Readable<{
    messages: import('./subscription.js').Message<D>[];
    gaps: import('./errors.js').Gap[];
    error?: Error;
}>;
/**
 * The last value per key of a compacted channel.
 *
 * @template [V=any]
 * @param {import('./full.js').Tide} tide
 * @param {string} name
 * @returns {import('svelte/store').Readable<{ map: ReadonlyMap<string, V>, isReady: boolean, error?: Error }>}
 */
export declare function map<V = any>(tide: import('./full.js').Tide, name: string): import('svelte/store').Readable<{
    map: ReadonlyMap<string, V>;
    isReady: boolean;
    error?: Error;
}>;
/**
 * The members of a channel with presence.
 *
 * @param {import('./full.js').Tide} tide
 * @param {string} name
 * @returns {import('svelte/store').Readable<{ members: import('./presence.js').Member[], isReady: boolean, error?: Error }>}
 */
export declare function presence(tide: import('./full.js').Tide, name: string): import('svelte/store').Readable<{
    members: import('./presence.js').Member[];
    isReady: boolean;
    error?: Error;
}>;
