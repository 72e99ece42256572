/** Hooks for React. `<TidewireProvider tide={tide}>` gives the connection to the components inside it. */
import { createContext, createElement, useContext, useEffect, useState } from 'react';
import { NO_MESSAGES, NO_STATE, followChannel, followLive } from './follow.js';

/** @typedef {import('./full.js').Tide} Tide */

const Context = createContext(/** @type {Tide | undefined} */ (undefined));

/**
 * @param {{ tide: Tide, children?: import('react').ReactNode }} props
 * @returns {import('react').ReactElement}
 */
export function TidewireProvider({ tide, children }) {
  return createElement(Context.Provider, { value: tide }, children);
}

/**
 * The connection, to publish with it: `useTide().publish('chat.room1', { text })`.
 *
 * @returns {Tide}
 */
export function useTide() {
  const tide = useContext(Context);
  if (!tide) throw new Error('no connection here: put <TidewireProvider tide={connect(url)}> around the component');
  return tide;
}

/**
 * The state of the connection, such as `{ name: 'live' }`.
 *
 * @returns {import('./link.js').State}
 */
export function useConnection() {
  const tide = useTide();
  const [state, setState] = useState(tide.state);
  useEffect(() => {
    // It may have changed since the component was rendered.
    setState(tide.state);
    return tide.on('state', setState);
  }, [tide]);
  return state;
}

/**
 * The newest `max` messages (100) of a channel, a pattern or several, and the gaps between them.
 *
 * @template [D=any]
 * @param {string | string[]} channels
 * @param {{ since?: string, max?: number }} [options]
 * @returns {{ messages: import('./subscription.js').Message<D>[], gaps: import('./errors.js').Gap[], error?: Error }}
 */
export function useChannel(channels, { since, max } = {}) {
  const key = JSON.stringify(channels);
  return useFollowed(NO_MESSAGES, (tide, set) => followChannel(tide, JSON.parse(key), { since, max }, set), [key, since, max]);
}

/**
 * The last value per key of a compacted channel.
 *
 * @template [V=any]
 * @param {string} channel
 * @returns {{ map: ReadonlyMap<string, V>, isReady: boolean, error?: Error }}
 */
export function useMap(channel) {
  return useFollowed(NO_STATE, (tide, set) => followLive(tide.map(channel), set), [channel]);
}

/**
 * The members of a channel with presence.
 *
 * @param {string} channel
 * @returns {{ members: import('./presence.js').Member[], isReady: boolean, error?: Error }}
 */
export function usePresence(channel) {
  const { map, ...rest } = useFollowed(NO_STATE, (tide, set) => followLive(tide.presence(channel), set), [channel]);
  return { members: [...map.values()], ...rest };
}

/** What `follow` sets while the component is there. It begins again when one of `inputs` changes. */
function useFollowed(nothing, follow, inputs) {
  const tide = useTide();
  const [seen, setSeen] = useState(nothing);
  // `follow` first sets what there is before anything has come.
  useEffect(() => follow(tide, setSeen), [tide, ...inputs]);
  return seen;
}
