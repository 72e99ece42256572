/**
 * One connection for all subscriptions of a client: chooses the wire, watches heartbeats, and brings every subscription to
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
 */
import { TidewireError } from './errors.js';
import { distance, reaches } from './positions.js';

/**
 * @typedef {object} Wire A transport.
 * @property {string} name
 * @property {(io: object) => boolean} isPossible Whether this runtime has it.
 * @property {(session: Session) => Connection} open
 */

/**
 * @typedef {object} Session What a wire gets to connect, and what it reports.
 * @property {import('./server.js').Server} server
 * @property {object} io The clock, timers, `fetch`, `WebSocket` and so on.
 * @property {string[]} channels
 * @property {string} since
 * @property {{ user?: string, info?: any }} who
 * @property {(opening: Opening) => void} opened From which position it delivers.
 * @property {(frame: object) => void} frame A frame of `tidewire.v1`.
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
 * @property {string} [head] `catching up`: how far it goes.
 * @property {number} [behind] `catching up`: how many messages of the log are between them.
 * @property {number} [until] `waiting`: when the next attempt is, in milliseconds since 1970.
 * @property {string} [reason] Why there is no connection.
 * @property {string} [help] `refused`: what to do about it.
 * @property {TidewireError} [error]
 */

export class Link {
  /** @type {State} */
  state = { name: 'offline', reason: 'Nothing is subscribed' };
  #server;
  #io;
  #wires;
  #who;
  #onstate;
  /** @type {Set<import('./subscription.js').Subscription>} */
  #subscriptions = new Set();
  /** The present attempt or connection. What another one reports does not count. */
  #session;
  /** @type {Connection | undefined} */
  #connection;
  /** For each channel of the connection from where on it brings all of it; without a value until the server has answered. */
  #carried = new Map();
  #position;
  #head;
  #heartbeatMs;
  #isOpen = false;
  #receivedMs = 0;
  #silenceTimer;
  #retryTimer;
  #lingerTimer;
  #reportedMs = 0;
  #failures = 0;
  /** Wires that have failed since the last connection. */
  #failed = new Set();
  /** For each wire that has failed where another one has not: until when it is not tried, and how often that was so. */
  #avoided = new Map();
  #isChanging = false;

  /**
   * @param {import('./server.js').Server} server
   * @param {{ wires: Wire[], user?: string, info?: any }} options
   * @param {object} io
   * @param {(state: State) => void} onstate
   */
  constructor(server, { wires, user, info }, io, onstate) {
    this.#server = server;
    this.#io = io;
    this.#wires = wires.filter((wire) => wire.isPossible(io));
    if (!this.#wires.length) throw new TypeError('This runtime has none of these wires. Pass WebSocket, or other wires.');
    this.#who = { user, info };
    this.#onstate = onstate;
  }

  add(subscription) {
    this.#subscriptions.add(subscription);
    this.#change();
  }

  remove(subscription) {
    this.#subscriptions.delete(subscription);
    this.#change();
  }

  /** Whether {@link request} would be sent. */
  get canSend() {
    return this.#isOpen && Boolean(this.#connection.request);
  }

  /** Sends a request of `tidewire.v1` over the open connection. */
  request(frame) {
    return this.#connection.request(frame);
  }

  /** Something says that the network may be another one: tries at once, and does not trust a connection that is quiet. */
  wake(event) {
    const isQuiet = this.#io.now() - this.#receivedMs > this.#heartbeatMs;
    if (this.#retryTimer || (this.#isOpen && (isQuiet || event === 'offline'))) this.#open();
  }

  close(state = { name: 'closed' }) {
    this.#leave();
    this.#enter(state);
    for (const one of [...this.#subscriptions]) one.close();
  }

  /** Brings the connection to what is subscribed, once for all changes of this turn. */
  #change() {
    if (this.#isChanging) return;
    this.#isChanging = true;
    queueMicrotask(() => {
      this.#isChanging = false;
      if (this.state.name !== 'closed') this.#follow();
    });
  }

  #follow() {
    const { setTimeout, clearTimeout } = this.#io;
    const wanted = this.#wanted();
    clearTimeout(this.#lingerTimer);
    if (!wanted.length) {
      // Perhaps a page only replaces what it shows.
      if (this.#session || this.#retryTimer) this.#lingerTimer = setTimeout(() => this.#rest(), LINGER_MS);
      return;
    }
    if (!this.#session) return this.#retryTimer ? undefined : this.#open();
    const added = wanted.filter((channel) => !this.#carried.has(channel));
    const removed = [...this.#carried.keys()].filter((channel) => !wanted.includes(channel));
    if (added.length + removed.length && !this.canSend) return this.#isOpen || added.length ? this.#open() : undefined;
    for (const channel of removed) this.#unsubscribe(channel);
    for (const channel of added) this.#subscribe(channel);
    for (const subscription of this.#subscriptions) this.#begin(subscription);
  }

  #wanted() {
    return [...new Set([...this.#subscriptions].flatMap(({ channels }) => channels))];
  }

  #rest() {
    this.#leave();
    this.#enter({ name: 'offline', reason: 'Nothing is subscribed' });
  }

  async #subscribe(channel) {
    const session = this.#session;
    this.#carried.set(channel, undefined);
    try {
      const { position } = await this.request({ type: 'subscribe', channel, since: 'now' });
      if (session !== this.#session) return;
      this.#carried.set(channel, position);
      for (const one of this.#subscriptions) if (one.channels.includes(channel)) this.#begin(one, true);
    } catch (error) {
      if (session !== this.#session) return;
      this.#carried.delete(channel);
      if (error.isFinal) this.#end(channel, error);
      else this.#io.setTimeout(() => this.#change(), error.retryMs ?? this.#backoffMs(1));
    }
  }

  #unsubscribe(channel) {
    this.#carried.delete(channel);
    this.request({ type: 'unsubscribe', channel }).catch(() => {});
  }

  /** Ends the subscriptions of a channel that the server does not deliver. */
  #end(channel, error) {
    for (const one of [...this.#subscriptions]) if (one.channels.includes(channel)) one.fail(error);
  }

  /** Connects, over the first wire that has not failed, from the place of the connection before. */
  #open() {
    this.#leave();
    if (!this.#subscriptions.size) return this.#rest();
    const wire = this.#choose();
    const base = this.#base();
    const channels = this.#wanted();
    const session = (this.#session = {
      server: this.#server,
      io: this.#io,
      channels,
      since: base,
      who: this.#who,
      wire,
    });
    const report = (handle) => (value) => {
      if (this.#session === session) handle.call(this, value);
    };
    session.opened = report(this.#opened);
    session.frame = report(this.#frame);
    session.received = report(() => (this.#receivedMs = this.#io.now()));
    session.lost = report(this.#lost);
    for (const channel of channels) this.#carried.set(channel, undefined);
    for (const one of this.#subscriptions) {
      one.isLive = one.floor ? reaches(one.floor, base) : one.since === base;
    }
    this.#enter({ name: 'offline', wire: wire.name, reason: this.state.reason ?? 'Connecting' });
    this.#receivedMs = this.#io.now();
    const hasOther = this.#wires.some((other) => other !== wire && !this.#failed.has(other));
    this.#watch(hasOther ? OPEN_MS_MAX : ONLY_OPEN_MS_MAX);
    this.#connection = wire.open(session);
  }

  #choose() {
    const now = this.#io.now();
    const left = this.#wires.filter((wire) => !this.#failed.has(wire));
    return left.find((wire) => !(this.#avoided.get(wire)?.untilMs > now)) ?? left[0];
  }

  /** From where the next connection delivers: the place of the one before, or where most have yet to begin. */
  #base() {
    const all = [...this.#subscriptions];
    if (all.some(({ floor }) => reaches(floor, this.#position))) return this.#position;
    return all.find(({ floor }) => floor)?.floor ?? all[0].since;
  }

  #opened({ position, heartbeatMs, head, since = this.#session.since }) {
    const { setTimeout, now } = this.#io;
    const session = this.#session;
    this.#isOpen = true;
    this.#position = position;
    this.#head = head ?? (since === 'now' ? position : undefined);
    this.#heartbeatMs = heartbeatMs;
    this.#watch(HEARTBEATS_MAX * heartbeatMs);
    for (const wire of this.#failed) {
      const times = (this.#avoided.get(wire)?.times ?? 0) + 1;
      this.#avoided.set(wire, { untilMs: now() + Math.min(AVOID_MS_MAX, AVOID_MS * 2 ** times), times });
    }
    this.#failed.clear();
    for (const channel of this.#carried.keys()) this.#carried.set(channel, position);
    for (const one of this.#subscriptions) {
      if (one.isLive && !one.floor && one.since === since) one.floor = position;
      one.isLive &&= reaches(one.floor, position);
    }
    session.steadyTimer = setTimeout(() => this.#steady(), STEADY_MS);
    if (!this.#head) this.#askHead();
    this.#follow();
    this.#progress();
  }

  /** A connection that has lived for a while was a good one. */
  #steady() {
    this.#failures = 0;
    const { wire } = this.#session;
    this.#avoided.delete(wire);
    const better = this.#wires.slice(0, this.#wires.indexOf(wire)).filter((one) => this.#avoided.has(one));
    if (!better.length) return;
    const untilMs = Math.min(...better.map((one) => this.#avoided.get(one).untilMs));
    this.#session.steadyTimer = this.#io.setTimeout(() => this.#open(), Math.max(0, untilMs - this.#io.now()));
  }

  async #askHead() {
    const session = this.#session;
    const page = await this.#poll(session.channels, 'now').catch(() => undefined);
    if (session !== this.#session || !page) return;
    this.#head = page.position;
    this.#progress();
  }

  /** Finds out whether the connection brings a subscription all that it has yet to get. */
  #begin(subscription, isFresh = false) {
    const places = subscription.channels.map((channel) => this.#carried.get(channel));
    if (subscription.isLive || !this.#isOpen || places.includes(undefined)) return;
    subscription.from = places.reduce((one, other) => (reaches(one, other) ? one : other));
    if (!subscription.floor && subscription.since === 'now') {
      // What was subscribed just now begins at the head.
      if (isFresh) subscription.floor = subscription.from;
      else if (reaches(this.#position, this.#head)) subscription.floor = subscription.from = this.#position;
    }
    if (reaches(subscription.floor, subscription.from)) this.#join(subscription);
    else this.#catchUp(subscription);
  }

  #join(subscription) {
    const { held } = subscription;
    subscription.isLive = true;
    subscription.held = [];
    for (const frame of held) subscription.take(frame);
    this.#progress();
  }

  /** Polls for what a subscription has not received, until it is where the connection brings all that follows. */
  async #catchUp(subscription) {
    const session = this.#session;
    if (subscription.session === session) return;
    subscription.session = session;
    const isCurrent = () => session === this.#session && !subscription.isClosed;
    for (let attempt = 0; isCurrent(); ) {
      try {
        const page = await this.#poll(subscription.channels, subscription.floor ?? subscription.since);
        if (!isCurrent()) return;
        for (const gap of page.gaps ?? []) subscription.take({ ...gap, type: 'gap' });
        for (const message of page.messages) subscription.take(message);
        subscription.floor = page.position;
        if (reaches(subscription.floor, subscription.from)) return this.#join(subscription);
        attempt = page.messages.length ? 0 : attempt + 1;
      } catch (error) {
        if (!isCurrent()) return;
        if (isRefusal(error)) return error.status === 401 ? this.#refuse(error) : subscription.fail(error);
        attempt += 1;
      }
      this.#progress();
      if (attempt) await new Promise((resume) => this.#io.setTimeout(resume, this.#backoffMs(attempt)));
    }
  }

  #poll(channels, since) {
    const signal = AbortSignal.timeout?.(ONLY_OPEN_MS_MAX);
    return this.#server.ask('poll', { body: { channels, since, wait: '0s' }, signal });
  }

  #frame(frame) {
    const { type, channel, position } = frame;
    if (type === 'message') {
      delete frame.type;
      for (const one of this.#subscriptions) if (one.covers(channel)) this.#pass(one, frame);
    } else if (type === 'gap') {
      for (const one of this.#subscriptions) if (one.channels.includes(channel)) this.#pass(one, frame);
      // A position that the server does not know means nothing from here on.
      if (!reaches(frame.to, frame.from) || reaches(frame.from, frame.to)) this.#position = frame.to;
    } else if (type === 'unsubscribed') {
      this.#carried.delete(channel);
      this.#end(channel, new TidewireError(frame.message, { code: frame.code, isFinal: true }));
    }
    if (!position) return;
    this.#position = position;
    if (type !== 'message') for (const one of this.#subscriptions) if (one.isLive) one.advance(position);
    this.#progress();
  }

  #pass(subscription, frame) {
    if (subscription.isLive) return subscription.take(frame);
    const { held } = subscription;
    held.push(frame);
    if (held.length <= HELD_MAX) return;
    // Polls bring it instead.
    subscription.held = [];
    subscription.from = frame.position ?? frame.to;
  }

  #lost(error) {
    const { wire } = this.#session;
    const wasOpen = this.#isOpen;
    this.#leave();
    if (isRefusal(error)) return this.#refuse(error);
    this.state = { ...this.state, reason: error.message };
    if (!wasOpen || error.code === 'silent') this.#failed.add(wire);
    if (this.#failed.size < this.#wires.length && error.retryMs === undefined) {
      if (!wasOpen || error.code === 'silent') return this.#open();
    } else this.#failed.clear();
    this.#failures += 1;
    this.#wait(error.retryMs ?? this.#backoffMs(this.#failures), error);
    if (!wasOpen && error.code === 'closed') this.#askWhy();
  }

  #wait(delayMs, error) {
    const { now, setTimeout, isOnline } = this.#io;
    this.#retryTimer = setTimeout(() => this.#open(), delayMs);
    const name = isOnline() ? 'waiting' : 'offline';
    this.#enter({ name, until: now() + delayMs, reason: error.message, error });
  }

  /** A WebSocket does not say why it was refused, which may be for good. */
  async #askWhy() {
    const timer = this.#retryTimer;
    const failure = await this.#poll(this.#wanted(), this.#base()).catch((error) => error);
    if (timer === this.#retryTimer && isRefusal(failure)) this.#refuse(failure);
  }

  /** The server does not want this. If that holds for some of the subscriptions, the others go on without them. */
  async #refuse(error) {
    const all = [...this.#subscriptions];
    this.#leave();
    if (error.status !== 401 && all.length > 1) {
      const asked = all.map((one) => this.#poll(one.channels, one.floor ?? one.since).catch((failure) => failure));
      const answers = await Promise.all(asked);
      all.forEach((one, at) => isRefusal(answers[at]) && one.fail(answers[at]));
      // What has changed meanwhile has begun another attempt.
      if (this.#session || this.state.name === 'closed') return;
      if (this.#subscriptions.size && this.#subscriptions.size < all.length) return this.#open();
    }
    this.#enter({ name: 'refused', reason: error.message, help: HELP[error.status] ?? HELP.other, error });
    for (const one of [...this.#subscriptions]) one.fail(error);
  }

  /** Ends the present attempt or connection. */
  #leave() {
    const { clearTimeout } = this.#io;
    for (const timer of [this.#silenceTimer, this.#retryTimer, this.#lingerTimer, this.#session?.steadyTimer]) {
      clearTimeout(timer);
    }
    this.#retryTimer = undefined;
    for (const one of this.#subscriptions) {
      if (this.#isOpen && one.isLive) one.advance(this.#position);
      one.isLive = false;
      one.held = [];
    }
    this.#carried.clear();
    this.#isOpen = false;
    const connection = this.#connection;
    this.#connection = this.#session = undefined;
    connection?.close();
  }

  /** Gives the connection up when nothing is received for `silenceMsMax`. */
  #watch(silenceMsMax) {
    const { now, setTimeout, clearTimeout } = this.#io;
    clearTimeout(this.#silenceTimer);
    // A clock that was set back would make the silence last.
    this.#receivedMs = Math.min(this.#receivedMs, now());
    const dueMs = this.#receivedMs + silenceMsMax;
    this.#silenceTimer = setTimeout(() => {
      const leftMs = this.#receivedMs + silenceMsMax - now();
      if (leftMs > 0) this.#watch(silenceMsMax);
      // The page was asleep or its timers are slowed: what has arrived meanwhile may not have been handed over yet.
      else if (now() - dueMs > LATE_MS) {
        this.#receivedMs = now() - silenceMsMax + LATE_MS;
        this.#watch(silenceMsMax);
      } else this.#lost(new TidewireError(`Nothing was received for ${silenceMsMax} ms`, { code: 'silent' }));
    }, Math.max(0, dueMs - now()));
  }

  #progress() {
    if (!this.#isOpen) return;
    const [position, head, wire] = [this.#position, this.#head, this.#session.wire.name];
    const isLive = reaches(position, head) && [...this.#subscriptions].every((one) => one.isLive);
    if (isLive) return this.state.name === 'live' ? undefined : this.#enter({ name: 'live', wire });
    const isNews = this.state.name !== 'catching up' || this.#io.now() - this.#reportedMs > REPORT_MS;
    this.#enter({ name: 'catching up', wire, position, head, behind: distance(position, head) }, isNews);
  }

  #enter(state, isNews = true) {
    this.state = state;
    if (!isNews) return;
    this.#reportedMs = this.#io.now();
    this.#onstate(state);
  }

  /** Full jitter: anything up to a bound that doubles, so that a crowd spreads out. */
  #backoffMs(attempt) {
    return this.#io.random() * Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** attempt);
  }
}

/** Whether the server itself says that it does not want this. A bare status may come from something in between. */
const isRefusal = (error) => error instanceof TidewireError && error.isFinal && error.code !== 'http';

const HELP = {
  401: 'Pass a valid token to connect. If its function gives one, check its key, audience and time.',
  403: 'Use a token that allows these channels, or allow the origin of this page on the server.',
  other: 'Correct the request as the reason says, and subscribe again.',
};

/** How long a wire may take to open if there is another one, and if there is none. */
const OPEN_MS_MAX = 3_000;
const ONLY_OPEN_MS_MAX = 15_000;
/** Two heartbeats are missing then. */
const HEARTBEATS_MAX = 2.5;
/** A timer that fires this much late says that the page was asleep. */
const LATE_MS = 1_000;
const STEADY_MS = 5_000;
const AVOID_MS = 60_000;
const AVOID_MS_MAX = 600_000;
const BACKOFF_MS = 250;
const BACKOFF_MS_MAX = 15_000;
/** How often `catching up` is reported with how far. */
const REPORT_MS = 100;
/** How long a connection stays open without a subscription. */
const LINGER_MS = 5_000;
/** How many messages wait for a subscription that catches up. */
const HELD_MAX = 1_000;
