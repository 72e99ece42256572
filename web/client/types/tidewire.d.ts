import { Tide } from './full.js';
export { TidewireError } from './errors.js';
export { matches } from './positions.js';
export { Tide };
export type Subscription<T = any> = import('./subscription.js').Subscription<T>;
export type Gap = import('./errors.js').Gap;
export type State = import('./link.js').State;
export type Member = import('./presence.js').Member;
export type Message<T = any> = import('./subscription.js').Message<T>;
export type Live<V> = import('./live.js').Live<V>;
/**
 * Connects to the server at `url`, as soon as something is subscribed.
 *
 * @param {string | URL} url
 * @param {import('./full.js').Options} [options]
 */
export declare function connect(url: string | URL, options?: import('./full.js').Options): Tide;
