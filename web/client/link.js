/**
 * One connection for all subscriptions of a client: watches heartbeats, connects again, and brings every subscription to
 * the place where the connection is.
 *
 *                  open               opened               all at the head
 *     offline ───────────▶ opening ───────────▶ catching up ─────────────▶ live
 *        ▲                    │ it fails: the next wire     │ silent, closed │
 *        │ time, `online`     ▼                             │                │
 *     waiting ◀────── all wires failed ◀────────────────────┴────────────────┘
 *
 * The connection has one place in the log for all of its channels. A wire delivers from there on, in the order of the log. A
 * subscription that begins elsewhere asks by polls of its own for what lies before, and the connection's messages wait for
 * it meanwhile. So each subscription has its own order, on every wire, however they overlap.
 *
 * This and its neighbours are closures, not classes: a minifier can shorten all of their names.
 */
import { TidewireError } from './errors.js';
import { later, offset, reaches } from './positions.js';

/**
 * @typedef {object} Wire A transport.
 * @property {string} name
 * @property {(session: Session) => Connection} open
 */

/**
 * @typedef {object} Session What a wire gets to connect, and what it reports.
 * @property {Wire} wire
 * @property {import('./server.js').Server} server
 * @property {object} io The clock, timers, `fetch`, `WebSocket` and so on.
 * @property {string[]} channels
 * @property {string} since
 * @property {{ user?: string, info?: any }} who
 * @property {(opening: Opening) => void} opened From which position it delivers.
 * @property {(frame: object) => void} frame A frame of `tidewire.v1`, or `page` with a position that is no heartbeat.
 * @property {(head: string) => void} newest The newest position, if the opening did not say it.
 * @property {() => void} received Anything has arrived.
 * @property {(error: TidewireError) => void} lost The connection has ended, or was never made.
 */

/**
 * @typedef {object} Opening
 * @property {string} position The connection brings everything after it.
 * @property {number} heartbeatMs The longest silence of a connection that lives.
 * @property {string} [head] The newest position, if the wire knows it.
 * @property {string} [since] What the connection begins with, if that is not what the session asked for.
 */

/**
 * @typedef {object} Connection
 * @property {() => void} close Ends it without a report.
 * @property {(frame: object) => Promise<any>} [request] Sends a request of `tidewire.v1`. A wire without it changes its
 *   channels by opening again.
 */

/**
 * @typedef {object} State
 * @property {'live' | 'catching up' | 'offline' | 'waiting' | 'refused' | 'closed'} name
 * @property {string} [wire] The wire in use, or the one that is tried.
 * @property {string} [position] `catching up`: how far it has come.
 * @property {string} [head] `catching up`, `live`: the newest message when the connection was made.
 * @property {number} [behind] `catching up`: how many messages of the log are between them.
 * @property {number} [until] `waiting`: when the next attempt is, in milliseconds since 1970.
 * @property {string} [reason] Why there is no connection.
 * @property {string} [help] `refused`: what to do about it.
 * @property {TidewireError} [error]
 * @property {string} [warning] What may keep this client from a connection: see `Tide.warning`.
 */

/**
 * @typedef {object} Choice Which wire comes next.
 * @property {() => Wire} next
 * @property {(wire: Wire) => unknown} failed It could not be opened, or fell silent. Whether to try another one at once.
 * @property {boolean} isMany Whether there is another one to try if one does not open soon.
 * @property {(wire: Wire) => void} [opened]
 * @property {(wire: Wire) => number | undefined} [steady] It has lived for a while. In what time to try a better one.
 */

/**
 * @param {object} parts
 * @param {import('./server.js').Server} parts.server
 * @param {Choice} parts.choice
 * @param {{ user?: string, info?: any }} parts.who
 * @param {object} parts.io
 * @param {(state: State) => void} parts.onstate
 */
export const link = ({ server, choice, who, io, onstate }) => {
  const { now, random, setTimeout, clearTimeout, navigator } = io;
  const subscriptions = new Set();
  /** For each channel of the connection `{place}`, from where on it brings all of it; empty until the server has answered. */
  const carried = new Map();
  const timers = {};
  /** @type {State} */
  let state = { name: 'offline' };
  /** The present attempt or connection. What another one reports does not count. */
  let session;
  let connection;
  let isOpen = false;
  let isChanging = false;
  let failures = 0;
  let cuts = 0;
  let receivedMs = 0;
  let heartbeatMs = 0;
  let graceMs;
  let position;
  let head;
  /** While a message without echo has no position yet, what arrives waits; then it is for other tabs only. */
  const muted = new Set();
  let publishing = 0;
  let waiting = [];
  /** The state of the tab that leads, while it has no connection. */
  let upstream;

  /** Sets the timer of that name again, or stops it. */
  const after = (name, ms, run) => {
    clearTimeout(timers[name]);
    timers[name] = run && setTimeout(run, ms);
  };

  /** Full jitter: anything up to a bound that doubles, so that a crowd spreads out. */
  const backoffMs = (attempt) => random() * Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** attempt);

  const enter = (next) => {
    const isNews = next.name !== 'catching up' || state.name !== next.name;
    state = next;
    if (isNews) onstate(next);
  };

  const wanted = () => [...new Set([...subscriptions].flatMap((one) => one.channels))];

  /** Brings the connection to what is subscribed, once for all changes of this turn. */
  const change = () => {
    if (!isChanging) queueMicrotask(follow);
    isChanging = true;
  };

  const follow = () => {
    const channels = wanted();
    isChanging = false;
    if (state.name === 'closed') return;
    if (!session) return timers.retry || !subscriptions.size || open();
    const added = channels.filter((channel) => !carried.has(channel));
    const removed = [...carried.keys()].filter((channel) => !channels.includes(channel));
    if (connection.request) {
      // Until it is open it brings what it was opened with.
      if (!isOpen) return;
      for (const channel of removed) {
        carried.delete(channel);
        connection.request({ type: 'unsubscribe', channel }).catch(() => {});
      }
      added.forEach(subscribe);
    } else if (added.length || !channels.length || (isOpen && removed.length)) return open();
    for (const one of subscriptions) begin(one);
  };

  const subscribe = async (channel) => {
    // The answer to an earlier request for it says nothing of this one.
    const present = {};
    carried.set(channel, present);
    try {
      const answer = await connection.request({ type: 'subscribe', channel, since: 'now' });
      if (carried.get(channel) !== present) return;
      present.place = answer.position;
      for (const one of subscriptions) if (one.channels.includes(channel)) begin(one, true);
    } catch (error) {
      if (carried.get(channel) !== present) return;
      carried.delete(channel);
      if (error.isFinal) end(channel, error);
      else setTimeout(change, error.retryMs ?? backoffMs(1));
    }
  };

  /** Ends the subscriptions of a channel that the server does not deliver. */
  const end = (channel, error) => {
    for (const one of [...subscriptions]) if (one.channels.includes(channel)) deny(one, error);
  };

  /** Connects from the place of the connection before. */
  const open = (reason = state.reason) => {
    leave();
    if (!subscriptions.size) return enter({ name: 'offline' });
    const all = [...subscriptions];
    // The place of the connection before, or where most have yet to begin.
    const since = all.some((one) => reaches(one.floor, position))
      ? position
      : (all.find((one) => one.floor)?.floor ?? all[0].since);
    const wire = choice.next();
    const channels = wanted();
    const present = { server, io, channels, since, who, wire };
    const report = (handle) => (value) => session === present && handle(value);
    Object.assign(present, {
      opened: report(opened),
      frame: report(frame),
      /** The newest position, if the wire learns it later. */
      newest: report((place) => {
        head = place;
        progress();
      }),
      received: report(() => (receivedMs = now())),
      lost: report(lost),
    });
    session = present;
    for (const channel of channels) carried.set(channel, {});
    for (const one of all) one.isLive = one.floor ? reaches(one.floor, since) : one.since === since;
    enter({ name: 'offline', wire: wire.name, reason });
    receivedMs = now();
    watch(choice.isMany ? OPEN_MS_MAX : ONLY_OPEN_MS_MAX);
    connection = wire.open(session);
  };

  const opened = ({ position: place, heartbeatMs: ms, head: newest, since = session.since }) => {
    isOpen = true;
    position = place;
    head = newest ?? (since === 'now' ? place : undefined);
    heartbeatMs = ms;
    watch(HEARTBEATS_MAX * ms);
    choice.opened?.(session.wire);
    for (const one of carried.values()) one.place = place;
    for (const one of subscriptions) {
      if (one.isLive && !one.floor && one.since === since) one.floor = place;
      one.isLive &&= reaches(one.floor, place);
      if (one.isLive) one.onlive?.();
    }
    after('steady', STEADY_MS, () => {
      failures = cuts = 0;
      const ms = choice.steady?.(session.wire);
      if (ms !== undefined) after('steady', ms, open);
    });
    follow();
    progress();
  };

  /** Finds out whether the connection brings a subscription all that it has yet to get. */
  const begin = (one, isFresh) => {
    const places = one.channels.map((channel) => carried.get(channel)?.place);
    if (one.isLive || !isOpen || places.includes(undefined)) return;
    // What has come before is not in `held`.
    one.from = places.reduce(later, position);
    if (!one.floor && one.since === 'now') {
      // What was subscribed just now begins at the head.
      if (isFresh) one.floor = places.reduce(later);
      else if (reaches(position, head)) one.floor = one.from;
    }
    if (one.isOver || reaches(one.floor, one.from)) join(one);
    else catchUp(one);
  };

  /** The connection does not bring it what it needs, and what polls are on their way for does not count. */
  const behind = (one) => {
    one.isLive = false;
    one.held = [];
    one.run = undefined;
  };

  const join = (one) => {
    const { held } = one;
    behind(one);
    one.isLive = true;
    held.forEach(one.take);
    one.onlive?.();
    progress();
  };

  /** Polls for what a subscription has not received, until it is where the connection brings all that follows. */
  const catchUp = async (one) => {
    if (one.run) return;
    const run = (one.run = {});
    for (let attempt = 0; ; ) {
      const page = await poll(one);
      if (one.run !== run || one.isClosed) return;
      const { messages = [], gaps = [], error } = page;
      if (isRefusal(error)) return deny(one, error);
      for (const gap of gaps) one.take({ ...gap, type: 'gap' });
      messages.forEach(one.take);
      one.floor = page.position ?? one.floor;
      if (one.isOver || reaches(one.floor, one.from)) return join(one);
      attempt = messages.length ? 0 : attempt + 1;
      progress();
      if (attempt) await new Promise((resume) => setTimeout(resume, backoffMs(attempt)));
    }
  };

  /** Resolves to what follows its place, or to an error. */
  const poll = ({ channels, floor, since }) =>
    server.ask('poll', { body: { channels, since: floor ?? since, wait: '0s' } }).catch((error) => ({ error }));

  const frame = (received) => {
    waiting.push(received);
    // Rather an echo than more and more that waits.
    if (!publishing || waiting.length > HELD_MAX) flush();
  };

  const flush = () => waiting.splice(0).forEach(deliver);

  const deliver = ({ type, ...rest }) => {
    const { channel, position: place, to } = rest;
    const isMessage = type === 'message';
    if (isMessage || type === 'gap') {
      const isMuted = muted.delete(place);
      for (const one of subscriptions) {
        if ((isMuted && !one.isRelay) || (isMessage ? !one.covers(channel) : !one.channels.includes(channel))) continue;
        const value = isMessage ? rest : { type, ...rest };
        if (one.isLive) one.take(value);
        else if (one.held.push(value) > HELD_MAX) {
          // Polls bring it instead.
          one.held = [];
          one.from = place ?? to;
        }
      }
    } else if (type === 'unsubscribed') {
      carried.delete(channel);
      end(channel, new TidewireError(rest.message, { code: rest.code, isFinal: true }));
    }
    if (type === 'state') {
      upstream = OPEN.test(rest.state.name) ? undefined : rest.state;
      if (upstream && !isOpen) enter(upstream);
      return progress();
    }
    if (!place) return;
    // What another tab has caught up with is older.
    position = later(position, place);
    // What this client does not subscribe to never arrives.
    for (const one of muted) if (reaches(position, one)) muted.delete(one);
    // However short a connection lives, with messages it has been of use.
    if (isMessage) failures = cuts = 0;
    else {
      // A heartbeat comes when there is nothing else to send.
      if (type === 'position') head ??= place;
      for (const one of subscriptions) if (one.isLive) one.advance(place);
    }
    progress();
  };

  const lost = (error) => {
    const { wire } = session;
    const { retryMs, code, message: reason } = error;
    const wasOpen = isOpen;
    const isDenied = isRefusal(error);
    const isOffline = navigator?.onLine === false;
    // One that opens and is cut at once, several times, is no use either.
    const isBad =
      !isDenied && !isOffline && retryMs === undefined && (!wasOpen || code === 'silent' || !(cuts = (cuts + 1) % CUTS_MAX));
    leave();
    if (isBad && choice.failed(wire)) return open(reason);
    if (isDenied && (error.status === 401 || subscriptions.size === 1)) {
      for (const one of [...subscriptions]) deny(one, error);
      return;
    }
    failures += 1;
    // The event `online` ends it; a browser may be wrong about that.
    const ms = isOffline ? OFFLINE_MS : (retryMs ?? backoffMs(failures));
    after('retry', ms, open);
    enter({ name: isOffline ? 'offline' : 'waiting', until: now() + ms, reason, error });
    if (isBad || error.isFinal) verify();
  };

  /**
   * Asks for each subscription whether the server wants it. A WebSocket does not say why it was refused, and others do not say
   * for which of them.
   */
  const verify = async () => {
    for (const one of [...subscriptions]) {
      const { error, messages } = await poll(one);
      if (isRefusal(error)) deny(one, error);
      // There is nobody to ask.
      else if (!messages) return;
    }
  };

  /** The server does not want a subscription. The others go on without it. */
  const deny = (one, error) => {
    one.fail(error);
    if (subscriptions.size) return;
    leave();
    enter({ name: 'refused', reason: error.message, help: 'Pass a valid token, or change the channels', error });
  };

  /** Ends the present attempt or connection. */
  const leave = () => {
    for (const name in timers) after(name);
    for (const one of subscriptions) {
      if (isOpen && one.isLive) one.advance(position);
      behind(one);
    }
    carried.clear();
    isOpen = false;
    session = undefined;
    connection?.close();
    connection = upstream = undefined;
    waiting = [];
  };

  /** Gives the connection up when nothing is received for `silenceMsMax`. */
  const watch = (silenceMsMax) => {
    // A clock that was set back would make the silence last.
    receivedMs = Math.min(receivedMs, now());
    const dueMs = receivedMs + silenceMsMax;
    after('silence', dueMs - now(), () => {
      if (receivedMs + silenceMsMax <= now()) {
        if (now() - dueMs <= LATE_MS || receivedMs === graceMs) {
          return lost(new TidewireError(`Silent for ${silenceMsMax} ms`, { code: 'silent' }));
        }
        // The page was asleep or its timers are slowed: what has arrived meanwhile may not have been handed over yet. Once,
        // as where timers are slowed every one is late.
        receivedMs = graceMs = now() - silenceMsMax + LATE_MS;
      }
      watch(silenceMsMax);
    });
  };

  const progress = () => {
    if (!isOpen) return;
    const wire = session.wire.name;
    if (upstream) return enter(upstream);
    const isLive = reaches(position, head) && [...subscriptions].every((one) => one.isLive);
    if (isLive) return state.name === 'live' || enter({ name: 'live', wire, head });
    const behind = reaches(head, position) ? offset(head) - offset(position) : 0;
    enter({ name: 'catching up', wire, position, head, behind });
  };

  return {
    get state() {
      return state;
    },

    add(one) {
      subscriptions.add(one);
      one.begin = begin;
      change();
    },

    remove(one) {
      subscriptions.delete(one);
      change();
    },

    /** Up to where the connection has brought everything, and the newest position when it was made. */
    get place() {
      return { position, head };
    },

    open,

    /** Sends a request of `tidewire.v1`, after what was subscribed before. There is none while no connection takes requests. */
    get request() {
      const request = isOpen ? connection.request : undefined;
      if (request && isChanging) follow();
      return request;
    },

    /** Keeps a message from its own subscriptions: to be called before it is published, and its result with the position. */
    mute() {
      publishing += 1;
      return (place) => {
        if (place && subscriptions.size) muted.add(place);
        if (!(publishing -= 1)) flush();
      };
    },

    /** Something says that the network may be another one: tries at once, and does not trust a connection that is quiet. */
    wake(event) {
      if (event === 'offline') {
        if (session) lost(new TidewireError('The network is gone'));
      } else if (timers.retry || (isOpen && now() - receivedMs > heartbeatMs)) open();
    },

    close() {
      leave();
      enter({ name: 'closed' });
      for (const one of [...subscriptions]) one.close();
    },
  };
};

/**
 * Whether the server itself says that it does not want this. A bare status or close code may come from something in between, and
 * a close code may be about one message.
 */
const isRefusal = (error) => error?.isFinal && !/http|closed/.test(error.code);

/** States of a connection that brings messages. */
const OPEN = /live|catching up/;
/** How long a wire may take to open if there is another one, and if there is none. */
const OPEN_MS_MAX = 3_000;
const ONLY_OPEN_MS_MAX = 15_000;
/** Two heartbeats are missing then. */
const HEARTBEATS_MAX = 2.5;
/** A timer that fires this much late says that the page was asleep. */
const LATE_MS = 1_000;
/** After how many cuts in a row another wire is tried. */
const CUTS_MAX = 4;
const STEADY_MS = 5_000;
/** How often to try although the browser says that there is no network. */
const OFFLINE_MS = 60_000;
const BACKOFF_MS = 250;
const BACKOFF_MS_MAX = 15_000;
/** How many messages wait for a subscription that catches up. */
const HELD_MAX = 1_000;
