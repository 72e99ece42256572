/** The plugin: `createApp(App).use(tidewire, connect(url))`. */
export declare const tidewire: {
    /**
     * @param {import('vue').App} app
     * @param {import('./full.js').Tide} tide
     */
    install(app: import('vue').App, tide: import('./full.js').Tide): void;
};
/**
 * The connection, to publish with it: `useTide().publish('chat.room1', { text })`.
 *
 * @returns {import('./full.js').Tide}
 */
export declare function useTide(): import('./full.js').Tide;
/**
 * The state of the connection, such as `{ name: 'live' }`.
 *
 * @returns {import('vue').ShallowRef<import('./link.js').State>}
 */
export declare function useConnection(): import('vue').ShallowRef<import('./link.js').State>;
/**
 * The newest `max` messages (100) of a channel, a pattern or several, and the gaps between them. `channels` may be a ref or a getter.
 *
 * @template [D=any]
 * @param {import('vue').MaybeRefOrGetter<string | string[]>} channels
 * @param {{ since?: string, max?: number }} [options]
 * @returns {import('vue').ShallowRef<{ messages: import('./subscription.js').Message<D>[], gaps: import('./errors.js').Gap[], error?: Error }>}
 */
export declare function useChannel<D = any>(channels: import('vue').MaybeRefOrGetter<string | string[]>, options?: {
    since?: string;
    max?: number;
}): import('vue').ShallowRef<{
    messages: import('./subscription.js').Message<D>[];
    gaps: import('./errors.js').Gap[];
    error?: Error;
}>;
/**
 * The last value per key of a compacted channel. `channel` may be a ref or a getter.
 *
 * @template [V=any]
 * @param {import('vue').MaybeRefOrGetter<string>} channel
 * @returns {import('vue').ShallowRef<{ map: ReadonlyMap<string, V>, isReady: boolean, error?: Error }>}
 */
export declare function useMap<V = any>(channel: import('vue').MaybeRefOrGetter<string>): import('vue').ShallowRef<{
    map: ReadonlyMap<string, V>;
    isReady: boolean;
    error?: Error;
}>;
/**
 * The members of a channel with presence. `channel` may be a ref or a getter.
 *
 * @param {import('vue').MaybeRefOrGetter<string>} channel
 * @returns {import('vue').ComputedRef<{ members: import('./presence.js').Member[], isReady: boolean, error?: Error }>}
 */
export declare function usePresence(channel: import('vue').MaybeRefOrGetter<string>): import('vue').ComputedRef<{
    members: import('./presence.js').Member[];
    isReady: boolean;
    error?: Error;
}>;
