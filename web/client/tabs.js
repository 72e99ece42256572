/**
 * Many tabs, one connection. The tab that holds a lock leads: it has the connection, and brings the others over a
 * BroadcastChannel what they subscribe to. To them it is one more wire.
 *
 * A tab that ends loses the lock, and the next one in the queue leads. One that is frozen keeps it: the others ask for an
 * answer each second, and one of them takes the lock away from a leader that gives none. Every tab has its own positions, so
 * after each change it goes on where it was.
 */
import { TidewireError } from './errors.js';
import { later } from './positions.js';
import { subscription } from './subscription.js';
import { frames } from './transports/frames.js';

/**
 * @param {string} name What tabs share that share a connection.
 * @param {import('./link.js').Choice} inner The wires of a tab that leads.
 * @param {any} io
 * @returns {import('./link.js').Choice}
 */
export const tabs = (name, inner, { navigator, setInterval, clearInterval, setTimeout, clearTimeout, random, window = globalThis, ...io }) => {
  const { locks } = navigator;
  const me = random();
  const bus = new (io.BroadcastChannel ?? globalThis.BroadcastChannel)(name);
  /** A request of another tab may still wait for its answer after the end. */
  const say = (message) => isClosed || bus.postMessage(message);
  const ask = (frame) => say({ from: me, frame });
  const answer = (to, frame) => say({ to, frame });
  /** For each other tab its channels, and what brings them. */
  const followers = new Map();
  let isLeader = false;
  let isMoving = false;
  let isClosed = false;
  let release = () => {};
  /** The present attempt or connection over the leader. */
  let speaker;
  let session;
  /** Whether the leader brings what this tab asked for. Without a value the page is hidden for good, or may come back as it was. */
  let isIn;
  /** The leader may not do what this tab asks for, which has a token of its own. */
  let isAlone = false;
  let link;
  let tide;
  let last;

  /** Queues for the lock, or takes it away. */
  const claim = (options = {}) => {
    let isHeld = false;
    const hold = () => {
      if (isClosed) return undefined;
      isHeld = isLeader = true;
      say({ lead: me });
      move();
      return new Promise((resolve) => (release = resolve));
    };
    const end = () => isHeld && resign();
    locks.request(name, options, hold).then(end, end);
  };
  const resign = () => {
    if (isClosed) return;
    isLeader = false;
    dropAll();
    link.open();
    claim();
  };

  /** Connects again, because another tab leads. */
  const move = () => {
    isMoving = true;
    session?.lost(new TidewireError('Another tab leads', { code: 'silent' }));
    isMoving = false;
  };

  const wire = {
    name: 'tab',
    open(present) {
      session = present;
      isIn = false;
      // A leader that was asked while it began may not have known it.
      const ping = () => ask(isIn === false ? { type: 'hello', channels: present.channels } : { type: 'ping' });
      const pinging = setInterval(ping, PING_MS);
      speaker = frames(present, ask);
      ping();
      const { request, end } = speaker;
      return {
        request,
        close() {
          clearInterval(pinging);
          ask({ type: 'bye' });
          speaker = session = undefined;
          end(new TidewireError('The connection of the other tab has ended'));
        },
      };
    },
  };

  const drop = (id) => {
    const channels = followers.get(id) ?? new Map();
    clearTimeout(channels.timer);
    for (const one of channels.values()) one.close();
    followers.delete(id);
  };
  const dropAll = () => [...followers.keys()].forEach(drop);

  /** Has another tab say `hello`, as nothing brings it what it asked for. */
  const call = (to) => say({ to, lead: me });

  /** Another tab lives. One that ends without a word is forgotten after a while, but it may only be frozen. */
  const keep = (id, channels = followers.get(id)) => {
    if (!channels) return;
    clearTimeout(channels.timer);
    channels.timer = setTimeout(() => (drop(id), call(id)), GONE_MS);
  };

  /** Has another tab connect by itself. */
  const part = (to) => say({ to, alone: true });

  /** Has the connection bring a channel to another tab; `ready` is called with the position from where on it does. */
  const follow = (to, channel, ready) => {
    const channels = followers.get(to) ?? new Map();
    const one = subscription([channel], {
      onmessage(message) {
        // Several of these may get it, and every tab receives it.
        if (last !== message.position) say({ frame: { ...message, type: 'message' } });
        last = message.position;
      },
      ongap: (gap) => say({ frame: { ...gap, type: 'gap' } }),
      onerror: () => part(to),
    }, link.remove);
    one.isRelay = true;
    one.onlive = () => {
      one.onlive = undefined;
      ready(one.floor);
    };
    channels.get(channel)?.close();
    followers.set(to, channels.set(channel, one));
    link.add(one);
  };

  /** Answers another tab as a server would. */
  const handlers = {
    hello(to, { channels }) {
      let left = channels.length;
      drop(to);
      for (const channel of channels) {
        follow(to, channel, () => {
          if ((left -= 1)) return;
          const { position, head } = link.place;
          // Where the connection is behind, each of them begins at a later place of its own.
          const floors = [...followers.get(to).values()].map((one) => one.floor ?? position);
          answer(to, { type: 'welcome', heartbeat_ms: PING_MS, position: head, since: 'now' });
          answer(to, { type: 'position', position: floors.reduce(later) });
        });
      }
      report(link.state, to);
    },
    subscribe(to, { id, channel }) {
      follow(to, channel, (position) => answer(to, { type: 'subscribed', id, channel, position }));
    },
    unsubscribe(to, { id, channel }) {
      followers.get(to).get(channel)?.close();
      followers.get(to).delete(channel);
      answer(to, { type: 'unsubscribed', id, channel });
    },
    publish: (to, { id, channel, data, message_id, ...options }) =>
      tide.send(channel, data, { ...options, id: message_id }).then(
        ({ position }) => answer(to, { type: 'published', id, position }),
        ({ code, message, isFinal, retryMs = 1 }) =>
          AUTH.test(code) ? part(to) : answer(to, { type: 'error', id, code, message, retry_ms: isFinal ? undefined : retryMs }),
      ),
    ping: (to) => answer(to, { type: 'pong' }),
    bye: drop,
  };

  const receive = (from, frame) => {
    const { type } = frame;
    if (!followers.has(from) && !/hello|bye/.test(type)) return call(from);
    handlers[type](from, frame);
    keep(from);
  };

  /** Says to the others, or to one of them, whether there is a connection. */
  const report = (state, to) =>
    isLeader && !/closed|refused/.test(state.name) && answer(to, { type: 'state', state: { ...state, error: undefined } });

  bus.onmessage = ({ data: { lead, alone, from, to, frame } }) => {
    if (alone) return to === me && session && ((isAlone = true), link.open());
    if (lead) return isLeader || (to ?? me) !== me || move();
    if (from) return isLeader && receive(from, frame);
    isIn ||= to === me && frame.type === 'position';
    // What all tabs receive counts once the leader brings what this one asked for.
    if (to ? to === me : isIn || frame.type === 'state') speaker?.handle(frame);
  };

  /** What the other tabs receive counts no more, as what comes meanwhile may never arrive. */
  const hide = () => {
    isIn = undefined;
    ask({ type: 'bye' });
  };

  return {
    isMany: true,
    next: () => (isLeader || isAlone ? inner.next() : wire),
    failed(failed) {
      if (failed !== wire) return inner.failed(failed);
      // It is frozen, or gone without a word.
      if (!isLeader && !isMoving) {
        isLeader = true;
        claim({ steal: true });
      }
      return true;
    },
    opened: (opened) => opened !== wire && inner.opened?.(),
    steady: (steady) => (steady === wire ? undefined : inner.steady?.(steady)),
    attach(itsLink, itsTide) {
      link = itsLink;
      tide = itsTide;
      tide.on('state', (state) => report(state));
      window.addEventListener?.('pagehide', hide);
      tide.on('close', () => {
        window.removeEventListener?.('pagehide', hide);
        isClosed = true;
        dropAll();
        release();
        bus.close();
      });
      claim();
    },
  };
};

/** Codes of a refusal that is about the token. */
const AUTH = /auth|forb|expi/;
const PING_MS = 1_000;
/** A tab in the background has its timers once a minute. */
const GONE_MS = 300_000;
