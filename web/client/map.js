/** A compacted channel as a live `Map` from key to value. */
import { pathOf } from './again.js';
import { live } from './live.js';

/**
 * Follows the compacted channel `channel`. A message without data removes its key.
 *
 * @template [V=any]
 * @param {import('./tide.js').Tide} tide
 * @param {string} channel
 * @returns {import('./live.js').Live<V>}
 */
export function map(tide, channel) {
  const path = pathOf(channel, 'messages');
  const entry = ({ key, data }) => {
    if (key !== undefined) return [key, data];
    throw new TypeError(`${channel} has messages without a key. Set compact = true for it`);
  };
  const read = async (since, signal) => {
    const page = await tide.ask(path, { query: { since, limit: 1_000 }, signal });
    return { ...page, entries: page.messages.map(entry) };
  };
  return live(tide, channel, read, entry);
}
