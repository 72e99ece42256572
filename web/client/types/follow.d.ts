/** What the adapters of frameworks have in common: values for a view, each a new object, from what Tidewire delivers. */
/**
 * Calls `set` with the newest `max` messages and gap notices, at first with none. Returns a function that ends it.
 *
 * @param {import('./full.js').Tide} tide
 * @param {string | string[]} channels
 * @param {{ since?: string, max?: number }} options
 * @param {(seen: { messages: object[], gaps: object[], error?: Error }) => void} set
 */
export declare function followChannel(tide: import('./full.js').Tide, channels: string | string[], { since, max }: {
    since?: string;
    max?: number;
} | undefined, set: (seen: {
    messages: object[];
    gaps: object[];
    error?: Error;
}) => void): () => void;
/**
 * Calls `set` with copies of `live`, one for all changes that come together. Returns a function that ends it and `live`.
 *
 * @param {import('./live.js').Live<any>} live
 * @param {(seen: { map: Map<string, any>, isReady: boolean, error?: Error }) => void} set
 */
export declare function followLive(live: import('./live.js').Live<any>, set: (seen: {
    map: Map<string, any>;
    isReady: boolean;
    error?: Error;
}) => void): () => void;
/** What there is before anything has come. */
export declare const NO_MESSAGES: {
    messages: never[];
    gaps: never[];
};
export declare const NO_STATE: {
    map: Map<any, any>;
    isReady: boolean;
};
