/** Stores for Svelte. A store connects nothing by itself: it follows `tide` as long as a component is subscribed to it. */
import { readable } from 'svelte/store';
import { NO_MESSAGES, NO_STATE, followChannel, followLive } from './follow.js';

/**
 * The state of the connection, such as `{ name: 'live' }`.
 *
 * @param {import('./full.js').Tide} tide
 * @returns {import('svelte/store').Readable<import('./link.js').State>}
 */
export function connection(tide) {
  return readable(tide.state, (set) => {
    set(tide.state);
    return tide.on('state', set);
  });
}

/**
 * The newest `max` messages (100) of a channel, a pattern or several, and the gaps between them.
 *
 * @template [D=any]
 * @param {import('./full.js').Tide} tide
 * @param {string | string[]} channels
 * @param {{ since?: string, max?: number }} [options]
 * @returns {import('svelte/store').Readable<{ messages: import('./subscription.js').Message<D>[], gaps: import('./errors.js').Gap[], error?: Error }>}
 */
export function channel(tide, channels, options) {
  return readable(NO_MESSAGES, (set) => followChannel(tide, channels, options, set));
}

/**
 * The last value per key of a compacted channel.
 *
 * @template [V=any]
 * @param {import('./full.js').Tide} tide
 * @param {string} name
 * @returns {import('svelte/store').Readable<{ map: ReadonlyMap<string, V>, isReady: boolean, error?: Error }>}
 */
export function map(tide, name) {
  return readable(NO_STATE, (set) => followLive(tide.map(name), set));
}

/**
 * The members of a channel with presence.
 *
 * @param {import('./full.js').Tide} tide
 * @param {string} name
 * @returns {import('svelte/store').Readable<{ members: import('./presence.js').Member[], isReady: boolean, error?: Error }>}
 */
export function presence(tide, name) {
  return readable({ members: [], isReady: false }, (set) =>
    followLive(tide.presence(name), ({ map, ...rest }) => set({ members: [...map.values()], ...rest })),
  );
}
