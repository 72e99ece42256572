export type Tide = import('./full.js').Tide;
/**
 * @param {{ tide: Tide, children?: import('react').ReactNode }} props
 * @returns {import('react').ReactElement}
 */
export declare function TidewireProvider({ tide, children }: {
    tide: Tide;
    children?: import('react').ReactNode;
}): import('react').ReactElement;
/**
 * The connection, to publish with it: `useTide().publish('chat.room1', { text })`.
 *
 * @returns {Tide}
 */
export declare function useTide(): Tide;
/**
 * The state of the connection, such as `{ name: 'live' }`.
 *
 * @returns {import('./link.js').State}
 */
export declare function useConnection(): import('./link.js').State;
/**
 * The newest `max` messages (100) of a channel, a pattern or several, and the gaps between them.
 *
 * @template [D=any]
 * @param {string | string[]} channels
 * @param {{ since?: string, max?: number }} [options]
 * @returns {{ messages: import('./subscription.js').Message<D>[], gaps: import('./errors.js').Gap[], error?: Error }}
 */
export declare function useChannel<D = any>(channels: string | string[], { since, max }?: {
    since?: string;
    max?: number;
}): {
    messages: import('./subscription.js').Message<D>[];
    gaps: import('./errors.js').Gap[];
    error?: Error;
};
/**
 * The last value per key of a compacted channel.
 *
 * @template [V=any]
 * @param {string} channel
 * @returns {{ map: ReadonlyMap<string, V>, isReady: boolean, error?: Error }}
 */
export declare function useMap<V = any>(channel: string): {
    map: ReadonlyMap<string, V>;
    isReady: boolean;
    error?: Error;
};
/**
 * The members of a channel with presence.
 *
 * @param {string} channel
 * @returns {{ members: import('./presence.js').Member[], isReady: boolean, error?: Error }}
 */
export declare function usePresence(channel: string): {
    members: import('./presence.js').Member[];
    isReady: boolean;
    error?: Error;
};
