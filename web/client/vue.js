/** Composables for Vue. `app.use(tidewire, tide)` gives the connection to the components of the application. */
import { computed, inject, shallowRef, toValue, watch } from 'vue';
import { NO_MESSAGES, NO_STATE, followChannel, followLive } from './follow.js';

const KEY = Symbol('tidewire');

/** The plugin: `createApp(App).use(tidewire, connect(url))`. */
export const tidewire = {
  /**
   * @param {import('vue').App} app
   * @param {import('./full.js').Tide} tide
   */
  install(app, tide) {
    app.provide(KEY, tide);
  },
};

/**
 * The connection, to publish with it: `useTide().publish('chat.room1', { text })`.
 *
 * @returns {import('./full.js').Tide}
 */
export function useTide() {
  const tide = inject(KEY, undefined);
  if (!tide) throw new Error('no connection here: call app.use(tidewire, connect(url)) first, and this in setup');
  return tide;
}

/**
 * The state of the connection, such as `{ name: 'live' }`.
 *
 * @returns {import('vue').ShallowRef<import('./link.js').State>}
 */
export function useConnection() {
  const tide = useTide();
  return useFollowed(tide.state, tide, (set) => tide.on('state', set));
}

/**
 * The newest `max` messages (100) of a channel, a pattern or several, and the gaps between them. `channels` may be a ref or a getter.
 *
 * @template [D=any]
 * @param {import('vue').MaybeRefOrGetter<string | string[]>} channels
 * @param {{ since?: string, max?: number }} [options]
 * @returns {import('vue').ShallowRef<{ messages: import('./subscription.js').Message<D>[], gaps: import('./errors.js').Gap[], error?: Error }>}
 */
export function useChannel(channels, options) {
  const tide = useTide();
  return useFollowed(NO_MESSAGES, channels, (set, names) => followChannel(tide, names, options, set));
}

/**
 * The last value per key of a compacted channel. `channel` may be a ref or a getter.
 *
 * @template [V=any]
 * @param {import('vue').MaybeRefOrGetter<string>} channel
 * @returns {import('vue').ShallowRef<{ map: ReadonlyMap<string, V>, isReady: boolean, error?: Error }>}
 */
export function useMap(channel) {
  const tide = useTide();
  return useFollowed(NO_STATE, channel, (set, name) => followLive(tide.map(name), set));
}

/**
 * The members of a channel with presence. `channel` may be a ref or a getter.
 *
 * @param {import('vue').MaybeRefOrGetter<string>} channel
 * @returns {import('vue').ComputedRef<{ members: import('./presence.js').Member[], isReady: boolean, error?: Error }>}
 */
export function usePresence(channel) {
  const tide = useTide();
  const seen = useFollowed(NO_STATE, channel, (set, name) => followLive(tide.presence(name), set));
  return computed(() => {
    const { map, ...rest } = seen.value;
    return { members: [...map.values()], ...rest };
  });
}

/** What `follow` sets while the component is there. It begins again when `input` changes. */
function useFollowed(nothing, input, follow) {
  const seen = shallowRef(nothing);
  const begin = (value, _, onCleanup) => {
    onCleanup(follow((next) => (seen.value = next), value));
  };
  watch(() => toValue(input), begin, { immediate: true });
  return seen;
}
