/**
 * Follows the compacted channel `channel`. A message without data removes its key.
 *
 * @template [V=any]
 * @param {import('./tide.js').Tide} tide
 * @param {string} channel
 * @returns {import('./live.js').Live<V>}
 */
export declare function map<V = any>(tide: import('./tide.js').Tide, channel: string): import('./live.js').Live<V>;
