/**
 * The client with everything: one connection for any number of subscriptions, over the wire that works.
 *
 *     import { connect } from 'tidewire';
 *
 *     const tide = connect('https://example.org', { token: () => fetch('/token').then((r) => r.text()) });
 *     for await (const m of tide.subscribe('chat.>', { since: '1h' })) render(m.channel, m.data);
 *     await tide.publish('chat.room1', { text: 'hello' });
 */
import { choose } from './choose.js';
import { Tide } from './full.js';
import { watchPage } from './page.js';
import { countStreams } from './streams.js';
import { tabs } from './tabs.js';
import { poll } from './transports/poll.js';
import { sse } from './transports/sse.js';
import { websocket } from './transports/websocket.js';

export { TidewireError } from './errors.js';
export { matches } from './positions.js';
export { Tide };

/** @template [T=any] @typedef {import('./subscription.js').Subscription<T>} Subscription */
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
  const possible = WIRES.filter((wire) => wire !== websocket || options.WebSocket || globalThis.WebSocket);
  const names = possible.map(({ name }) => name);
  const wires = (options.wires ?? names).map((name) => {
    const wire = possible.find((one) => one.name === name);
    if (!wire) throw new TypeError(`No transport ${name}: use ${names}`);
    return wire;
  });
  const name = JSON.stringify(['tidewire', `${url}`, options.user, options.info, options.tabs]);
  const isShared = canShare(options);
  const share = (given, io) => (isShared ? tabs(name, choose(given, io), io) : choose(given, io));
  const tide = new Tide(url, { choose: share, ...options, wires });
  watchPage(tide);
  if (!isShared && globalThis.document && globalThis.BroadcastChannel) {
    countStreams(tide, new URL(url, document.baseURI).origin, globalThis);
  }
  return tide;
}

/** Whether the tabs of a browser share a connection: where a page has locks, and did not choose its wires. */
const canShare = ({ tabs: wanted, wires }) =>
  wanted !== false && !wires && globalThis.document && globalThis.navigator?.locks && globalThis.BroadcastChannel;
