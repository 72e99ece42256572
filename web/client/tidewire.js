/**
 * The client with everything: one connection for any number of subscriptions, over the wire that works.
 *
 *     import { connect } from 'tidewire';
 *
 *     const tide = connect('https://example.org', { token: () => fetch('/token').then((r) => r.text()) });
 *     for await (const m of tide.subscribe('chat.>', { since: '1h' })) render(m.channel, m.data);
 *     await tide.publish('chat.room1', { text: 'hello' });
 */
import { Tide } from './full.js';
import { poll } from './transports/poll.js';
import { sse } from './transports/sse.js';
import { websocket } from './transports/websocket.js';

export { TidewireError } from './errors.js';
export { matches } from './positions.js';
export { Subscription } from './subscription.js';
export { Tide };

/** @typedef {import('./errors.js').Gap} Gap */
/** @typedef {import('./link.js').State} State */
/** @typedef {import('./presence.js').Member} Member */
/** @template [T=any] @typedef {import('./subscription.js').Message<T>} Message */
/** @template V @typedef {import('./live.js').Live<V>} Live */

const WIRES = [websocket, sse, poll];

/**
 * Connects to the server at `url`, as soon as something is subscribed.
 *
 * @param {string | URL} url
 * @param {import('./full.js').Options} [options]
 */
export function connect(url, options = {}) {
  const names = WIRES.map(({ name }) => name);
  const wires = (options.wires ?? names).map((name) => {
    const wire = WIRES.find((one) => one.name === name);
    if (!wire) throw new TypeError(`${name} is no wire. Allowed are ${names.join(', ')}.`);
    return wire;
  });
  return new Tide(url, { ...options, wires });
}
