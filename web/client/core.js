/** The client with only the wires that it is given: `connect(url, { wires: [websocket] })`. */
import { Tide } from './tide.js';

export { TidewireError } from './errors.js';
export { watchPage } from './page.js';
export { matches } from './positions.js';
export { Tide } from './tide.js';
export { poll } from './transports/poll.js';
export { sse } from './transports/sse.js';
export { websocket } from './transports/websocket.js';

/**
 * Connects to the server at `url`, as soon as something is subscribed.
 *
 * @param {string | URL} url
 * @param {import('./tide.js').ConnectOptions} options
 */
export const connect = (url, options) => new Tide(url, { choose: inTurn, ...options });

/** The wires one after another. */
const inTurn = (wires, _io, at = 0) => ({
  isMany: wires.length > 1,
  next: () => wires[at],
  failed: () => (at = (at + 1) % wires.length),
});
