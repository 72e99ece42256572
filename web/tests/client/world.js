/**
 * A world without a network, and with a clock that only a test moves: a log, a server that speaks `tidewire.v1` and answers
 * polls from it, and what a client takes from its runtime.
 */
import { connect, watchPage } from '../../client/core.js';
import { matches } from '../../client/positions.js';
import { websocket } from '../../client/transports/websocket.js';

export class World {
  nowMs = 1_000_000;
  epoch = 'e';
  /** The log: `{channel, position, time, data}`. */
  log = [];
  sockets = [];
  /** What was requested: `{path, body, headers}`. */
  requests = [];
  states = [];
  heartbeatMs = 1_000;
  /** For a path what answers it in place of the log: a function of the request. */
  answers = {};
  /** What a socket does in place of opening. */
  onsocket;
  #timers = new Map();
  #lastTimer = 0;
  #listeners = new Map();
  randomNext = 0.5;
  navigator = { onLine: true };

  /** What a client takes from its runtime. */
  get io() {
    const world = this;
    return {
      now: () => this.nowMs,
      random: () => this.randomNext,
      setTimeout: (run, ms) => {
        this.#timers.set((this.#lastTimer += 1), { run, atMs: this.nowMs + (ms ?? 0) });
        return this.#lastTimer;
      },
      clearTimeout: (timer) => this.#timers.delete(timer),
      fetch: (url, options) => this.#fetch(new URL(url), options),
      WebSocket: class extends Socket {
        constructor(url, protocol) {
          super(world, url, protocol);
        }
      },
      navigator: this.navigator,
    };
  }

  /** Has the client listen to the events of a window. */
  watch(tide) {
    watchPage(tide, {
      addEventListener: (name, listener) => this.#listeners.set(name, listener),
      removeEventListener: (name) => this.#listeners.delete(name),
    });
  }

  connect(options = {}) {
    const onstate = (state) => this.states.push(state);
    return connect('http://server.test/', { wires: [websocket], onstate, ...this.io, ...options });
  }

  get listeners() {
    return this.#listeners.size;
  }

  get timers() {
    return this.#timers.size;
  }

  /** The newest socket. */
  get socket() {
    return this.sockets.at(-1);
  }

  get names() {
    return this.states.map(({ name }) => name);
  }

  /** An event of the window. */
  fire(type) {
    this.#listeners.get(type)({ type });
  }

  at(offset) {
    return `${this.epoch}-${offset}`;
  }

  get head() {
    return this.at(this.log.length);
  }

  publish(channel, data = this.log.length + 1) {
    const message = { channel, position: this.at(this.log.length + 1), time: this.nowMs, data };
    this.log.push(message);
    for (const socket of this.sockets) socket.pump();
    return message.position;
  }

  /** Runs what is due until `ms` from now, and all that it promises. */
  async pass(ms = 0) {
    const untilMs = this.nowMs + ms;
    await this.settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { atMs }]) => atMs <= untilMs);
      if (!due.length) break;
      const [timer, { run, atMs }] = due.reduce((one, other) => (other[1].atMs < one[1].atMs ? other : one));
      this.#timers.delete(timer);
      this.nowMs = Math.max(this.nowMs, atMs);
      run();
      await this.settle();
    }
    this.nowMs = untilMs;
  }

  /** Time in which no timer ran, as in a page that was frozen. */
  freeze(ms) {
    this.nowMs += ms;
  }

  async settle() {
    for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
    await new Promise((resume) => setImmediate(resume));
  }

  /** What matches `channels` after `since`: a page of at most three messages. */
  page({ channels, since = 'now' }) {
    const from = since === 'now' ? this.log.length : since === 'earliest' ? 0 : Number(since.split('-')[1]);
    const rest = this.log.slice(from);
    const selected = rest.filter(({ channel }) => channels.some((pattern) => matches(pattern, channel)));
    const messages = selected.slice(0, PAGE_MESSAGES);
    const isWhole = messages.length === selected.length;
    return { messages, position: isWhole ? this.head : messages.at(-1).position };
  }

  async #fetch(url, { body, headers }) {
    const path = url.pathname.slice(1);
    const request = { path, headers, body: body && JSON.parse(body) };
    this.requests.push(request);
    const answer = this.answers[path] ?? (path === 'poll' ? (asked) => this.page(asked.body) : undefined);
    const value = await (answer?.(request) ?? problem(404, 'not_found'));
    return value instanceof Response ? value : Response.json(value);
  }
}

/** Subscribes, and gives what arrives. */
export function collect(tide, channels, options = {}) {
  const data = [];
  const subscription = tide.subscribe(channels, { gaps: 'ignore', onmessage: (m) => data.push(m.data), ...options });
  return { data, subscription };
}

/** A refusal of the server. */
export function problem(status, code, detail = code, headers = {}) {
  return Response.json({ code, detail, status }, { status, headers });
}

/** The server's side and the client's side of one WebSocket, which keeps the rules of docs/protocol.md section 6. */
class Socket {
  /** Frames that the client has sent. */
  sent = [];
  isOpen = false;
  isStalled = false;
  #world;
  #channels = new Map();
  #next;

  constructor(world, url, protocol) {
    Object.assign(this, { url: new URL(url), protocol });
    this.#world = world;
    world.sockets.push(this);
    if (world.onsocket) world.onsocket(this);
    else this.open();
  }

  /** Accepts the handshake. */
  open() {
    queueMicrotask(() => {
      const world = this.#world;
      const { searchParams } = this.url;
      this.isOpen = true;
      const since = searchParams.get('since') ?? 'now';
      const from = since === 'now' ? world.log.length : since === 'earliest' ? 0 : Number(since.split('-')[1]);
      for (const channel of searchParams.getAll('channel')) this.#channels.set(channel, from);
      this.#next = from;
      const heartbeat_ms = world.heartbeatMs;
      this.say({ type: 'welcome', connection: 'c', version: '0', heartbeat_ms, position: world.head });
      this.say({ type: 'position', position: world.at(from) });
      this.pump();
    });
  }

  /** Sends what the log has. */
  pump() {
    if (!this.isOpen || this.isStalled) return;
    for (; this.#next < this.#world.log.length; this.#next += 1) {
      const message = this.#world.log[this.#next];
      const isSelected = [...this.#channels].some(
        ([pattern, from]) => from <= this.#next && matches(pattern, message.channel),
      );
      if (isSelected) this.say({ type: 'message', ...message });
    }
  }

  say(frame) {
    if (this.isOpen) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** Ends with a close code. */
  end(code = 1006, reason = '') {
    this.isOpen = false;
    this.onclose?.({ code, reason });
  }

  send(text) {
    const frame = JSON.parse(text);
    const { type, id, channel } = frame;
    this.sent.push(frame);
    queueMicrotask(() => {
      const world = this.#world;
      if (type === 'subscribe') {
        if (world.refuses?.includes(channel)) return this.say({ type: 'error', id, code: 'forbidden', message: 'no' });
        this.#channels.set(channel, world.log.length);
        this.say({ type: 'subscribed', id, channel, position: world.head });
      } else if (type === 'unsubscribe') {
        this.#channels.delete(channel);
        this.say({ type: 'unsubscribed', id, channel });
      } else if (type === 'publish') {
        this.say({ type: 'published', id, position: world.publish(channel, frame.data) });
      } else if (type === 'token') this.say({ type: 'granted', id });
    });
  }

  close() {
    this.isOpen = false;
    this.isClosed = true;
  }
}

const PAGE_MESSAGES = 3;
