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

const WIRES = { websocket, sse, poll };

/**
 * Connects to the server at `url`, as soon as something is subscribed.
 *
 * @param {string | URL} url
 * @param {import('./full.js').Options} [options]
 */
export function connect(url, options = {}) {
  const { document, BroadcastChannel, WebSocket, navigator } = globalThis;
  const { token, user, info, tabs: group } = options;
  const names = Object.keys(WIRES).filter((name) => name !== 'websocket' || options.WebSocket || WebSocket);
  const wires = (options.wires ?? names).map((name) => {
    if (!names.includes(name)) throw new TypeError(`No wire ${name}: use ${names}`);
    return WIRES[name];
  });
  const isPage = document && BroadcastChannel;
  // With tokens the tabs may belong to several people, so the page has to say to whom.
  const isShared = isPage && navigator.locks && !options.wires && (group ?? (!token || user));
  const name = JSON.stringify(['tidewire', `${url}`, user, info, group]);
  const share = (given, io) => (isShared ? tabs(name, choose(given, io), io) : choose(given, io));
  const tide = new Tide(url, { choose: share, ...options, wires });
  watchPage(tide);
  if (isPage && !isShared) countStreams(tide, new URL(url, document.baseURI).origin, globalThis);
  return tide;
}
