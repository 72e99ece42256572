/**
 * A small client of Tidewire for browsers: subscribe over WebSocket or Server-Sent Events, and
 * resume by itself after every drop. It imports nothing and knows nothing of the console.
 *
 *     import { subscribe, presence } from './tidewire.js';
 *
 *     const subscription = subscribe('https://example.org/', {
 *       channels: ['chat.room1', 'news.*'],  // names or patterns; `lobby` by default
 *       since: 'k3f9a-1042',                 // a position, `earliest`, `5m`; `now` by default
 *       wire: 'sse',                         // or `ws`, the default
 *       user: 'ada', info: { colour: 'red' },  // who this is, for channels with presence
 *       token: () => fetchToken(),           // a token, or a function that gives a fresh one; below
 *       onmessage(message) {},               // {channel, position, time, event?, key?, data?}
 *       ongap(gap) {},                       // {channel, from, to}: retention took what lay there
 *       onstate(state, detail) {},           // below
 *     });
 *     subscription.position;                 // hand it over as `since` to go on later, on any wire
 *     subscription.close();
 *     const { members } = await presence('https://example.org/', 'chat.room1', { token });
 *
 * Each message arrives once and in the order of the log, however many of the channels select it, or
 * after a gap that says which are missing. A connection on which nothing has come for two and a half
 * of the server's heartbeats is dead, whatever the browser believes. The states:
 *
 * - `connecting`: the first attempt is under way
 * - `live` `{head}`: the server has answered; messages up to the position `head` are older than this moment
 * - `reconnecting` `{delayMs}`: the connection is gone, the next attempt is in that time
 * - `refused` `{reason, status}`: the server will not have this subscription; no further attempt
 * - `closed`: by `close()`
 *
 * A function for tokens may be async. It is called at the first attempt, shortly before the token in use expires, which
 * then renews the connection without interrupting it, and when the server refuses the token: once, then the subscription
 * is `refused`. If it throws, the next attempt calls it again; if it gives nothing, there is no token. A token is only ever
 * sent in a header or a frame: what stands in a URL is a ticket, which is good for one connection.
 */

/** Subscribes to `channels` of the server at `url`, until the returned subscription is closed. */
export function subscribe(url, options) {
  const { since = 'now', wire = 'ws', user, info } = options;
  const { onmessage = ignore, ongap = ignore, onstate = ignore } = options;
  const channels = [...new Set(options.channels ?? ['lobby'])];
  const tokens = new Tokens(options.token);
  const who = { ...(user && { user }), ...(info !== undefined && { info: JSON.stringify(info) }) };
  // One place for all channels: a connection follows them as one ordered stream.
  let position = since === 'now' ? undefined : since;
  let disconnect = ignore;
  let attempt = 0;
  let steadyTimer;
  let retryTimer;

  const leave = (state, detail) => {
    clearTimeout(steadyTimer);
    clearTimeout(retryTimer);
    disconnect();
    disconnect = ignore;
    onstate(state, detail);
  };
  const events = {
    place: (place) => (position = place),
    opened(head) {
      steadyTimer = setTimeout(() => (attempt = 0), STEADY_MS);
      onstate('live', { head });
    },
    message(message) {
      position = message.position;
      onmessage(message);
    },
    // What is left of the messages up to its end still follows, so a gap moves no place.
    gap: ongap,
    lost(delayMs = backoffMs(attempt)) {
      attempt += 1;
      leave('reconnecting', { delayMs });
      retryTimer = setTimeout(open, delayMs);
    },
    refused(reason, status) {
      leave('refused', { reason, status });
    },
  };
  const open = () => (disconnect = connect(WIRES[wire], { url, channels, who, tokens }, position, events));

  onstate('connecting');
  open();
  return {
    get position() {
      return position;
    },
    close: () => leave('closed'),
  };
}

/**
 * Resolves to the members of `channel`, if it has presence: `{members, position}` with members `{connection, user?,
 * info?, since}`. To follow joins and leaves, subscribe to `$presence.` and the channel's name, `since` that position.
 * A message has the connection as its `key`; it has `data` for a join and none for a leave.
 */
export async function presence(url, channel, options = {}) {
  const tokens = new Tokens(options.token);
  const members = new Map();
  let since = 'earliest';
  for (;;) {
    const path = `channels/${encodeURIComponent(channel)}/presence`;
    const address = endpoint(url, path, [], { since, limit: 1_000 });
    const response = await send(tokens, address);
    const page = await response.json();
    if (!response.ok) throw new Error(page.detail ?? page.title);
    if (page.gaps) members.clear();
    for (const connection of page.left ?? []) members.delete(connection);
    for (const member of page.members) members.set(member.connection, member);
    since = page.gaps ? 'earliest' : page.position;
    if (!page.more && !page.gaps) return { members: [...members.values()], position: since };
  }
}

/**
 * Whether `channel` is what `pattern` names: `*` stands for one token, a last `>` for the rest, and
 * neither for a token that begins with `$`, as the names of system channels do.
 */
export function matches(pattern, channel) {
  const tokens = channel.split('.');
  const wanted = pattern.split('.');
  const rest = wanted.at(-1) === '>' ? wanted.length - 1 : undefined;
  if (rest === undefined ? tokens.length !== wanted.length : tokens.length <= rest) return false;
  return wanted.every((token, at) =>
    token === '*' || at === rest ? !tokens[at].startsWith('$') : token === tokens[at],
  );
}

/**
 * Makes one attempt to follow `channels` from `position`, or from the head if there is none yet, and
 * gives it up when nothing is received for too long. Returns what ends it without a further report.
 */
function connect(listen, { url, channels, who, tokens }, position, events) {
  const abort = new AbortController();
  const { signal } = abort;
  let close = ignore;
  let isLive = false;
  let receivedMs = performance.now();
  let silenceMsMax = CONNECT_MS_MAX;
  let silenceTimer;
  const received = () => (receivedMs = performance.now());
  const watch = () => {
    const leftMs = receivedMs + silenceMsMax - performance.now();
    clearTimeout(silenceTimer);
    if (leftMs > 0) silenceTimer = setTimeout(watch, leftMs);
    else events.lost();
  };
  const ask = (since) => askPosition(url, channels, { since, ...who }, tokens, signal);
  const fail = (failure) => {
    if (signal.aborted) return;
    if (failure.reason) events.refused(failure.reason, failure.status);
    else events.lost(failure.retryMs);
  };
  const begin = async () => {
    const head = await ask('now');
    received();
    if (position === undefined && !signal.aborted) events.place(head);
    // All channels of one handshake are one ordered stream, so the token has to be there before any frame.
    const ticket = await askTicket(url, tokens, signal);
    if (signal.aborted) return;
    received();
    const since = position ?? head;
    close = listen(url, channels, { since, ...who, ...ticket }, {
      ...events,
      /** Another token than the one in use, if there is one. */
      newerToken: () => tokens.newer().catch(ignore),
      /** Hands a newer token over by a request. If it is refused, the connection goes on until the older one expires. */
      async renew(id) {
        const token = await tokens.newer().catch(ignore);
        const address = endpoint(url, `connections/${id}/token`, [], {});
        if (token) await fetch(address, withToken(token, { method: 'POST', signal })).catch(ignore);
      },
      expired: () => tokens.forget(),
      received,
      opened(heartbeatMs) {
        isLive = true;
        silenceMsMax = HEARTBEATS_MAX * heartbeatMs;
        watch();
        events.opened(head);
      },
      lost(retryMs) {
        if (isLive || retryMs !== undefined) events.lost(retryMs);
        // Neither wire says why it was refused, which may be for good.
        else ask(since).then(() => fail({}), fail);
      },
    });
  };
  watch();
  begin().catch(fail);
  return () => {
    clearTimeout(silenceTimer);
    abort.abort();
    close();
  };
}

/*
 * A wire connects when it is called, with all channels in one query and therefore as one ordered
 * stream. It reports through `events`, also that anything was `received`, and returns what ends the
 * connection without a further report.
 */

function sse(url, channels, parameters, events) {
  // By itself the heartbeat of an event stream is nothing that a script could see.
  const query = { format: 'json', heartbeat: 'event', ...parameters };
  const source = new EventSource(endpoint(url, 'events', channels, query));
  const listen = (name, handle) =>
    source.addEventListener(name, ({ data }) => {
      events.received();
      handle(JSON.parse(data));
    });
  let isOpen = false;
  let id;
  source.onerror = () => {
    source.close();
    events.lost();
  };
  listen('message', (message) => events.message(message));
  listen('$gap', ({ type, ...gap }) => events.gap(gap));
  // Subscriptions are requested together, so without one of them the server would refuse them all.
  listen('$unsubscribed', ({ message }) => events.refused(message));
  // A temporary refusal, in the only form that an EventSource can report, or the end of a token.
  listen('$error', ({ code, retry_ms: retryMs }) => {
    source.close();
    if (code === 'expired' || code === 'unauthorized') events.expired();
    events.lost(retryMs);
  });
  listen('$connection', (connection) => (id = connection.id));
  listen('$expiring', () => id && events.renew(id));
  listen('$goodbye', ({ position, retry_ms: retryMs }) => {
    source.close();
    if (position) events.place(position);
    events.lost(retryMs);
  });
  listen('$position', ({ position, heartbeat_ms: heartbeatMs }) => {
    events.place(position);
    if (!isOpen) events.opened(heartbeatMs);
    isOpen = true;
  });
  return () => source.close();
}

function ws(url, channels, parameters, events) {
  const socket = new WebSocket(endpoint(url, 'ws', channels, parameters, 'ws'), 'tidewire.v1');
  let retryMs;
  const handlers = {
    welcome: (welcome) => events.opened(welcome.heartbeat_ms),
    position: ({ position }) => events.place(position),
    message: (message) => events.message(message),
    gap: (gap) => events.gap(gap),
    // Nothing unsubscribes here, so the server has ended it.
    unsubscribed: ({ message }) => events.refused(message),
    goodbye({ position, retry_ms: afterMs }) {
      if (position) events.place(position);
      retryMs = afterMs;
    },
    async expiring() {
      const token = await events.newerToken();
      if (token && socket.readyState === WebSocket.OPEN) {
        socket.send(JSON.stringify({ type: 'token', id: 1, token }));
      }
    },
  };
  socket.onmessage = ({ data }) => {
    events.received();
    const { type, ...fields } = JSON.parse(data);
    if (Object.hasOwn(handlers, type)) handlers[type](fields);
  };
  socket.onclose = ({ code }) => {
    if (TOKEN_IS_OVER.includes(code)) events.expired();
    events.lost(retryMs);
  };
  return () => {
    socket.onmessage = socket.onclose = null;
    socket.close();
  };
}

/**
 * Resolves to the position after what an immediate poll returns, which `since` = `now` makes the
 * head. Rejects with the `reason` of a refusal, or with `retryMs` for a later attempt.
 */
async function askPosition(url, channels, parameters, tokens, signal) {
  const poll = endpoint(url, 'poll', channels, { wait: '0s', ...parameters });
  return (await answered(await send(tokens, poll, { signal }))).position;
}

/** Resolves to a ticket for the query of one connection: a page can set no header there. Without a token there is none. */
async function askTicket(url, tokens, signal) {
  if (!(await tokens.current())) return undefined;
  const response = await send(tokens, endpoint(url, 'tickets', [], {}), { method: 'POST', signal });
  return { ticket: (await answered(response)).ticket };
}

/** Resolves to what was answered. Rejects with the `reason` of a refusal, or with `retryMs` for a later attempt. */
async function answered(response) {
  if (response.ok) return response.json();
  const { status } = response;
  const problem = await response.json().catch(() => ({}));
  const passing = status >= 500 || status === 408 || status === 429;
  const retryAfterSeconds = Number(response.headers.get('Retry-After')) || undefined;
  throw passing
    ? { retryMs: retryAfterSeconds && retryAfterSeconds * 1000 }
    : { reason: problem.detail ?? problem.title ?? `HTTP status ${status}`, status };
}

/** Sends a request with the token in use, and once more with a newer one if that is refused. */
async function send(tokens, address, options) {
  const isFresh = !tokens.isHeld;
  const response = await fetch(address, withToken(await tokens.current(), options));
  if (response.status !== 401 || isFresh) return response;
  const newer = await tokens.newer();
  return newer ? fetch(address, withToken(newer, options)) : response;
}

function withToken(token, options) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return { cache: 'no-store', headers, ...options };
}

/** The token in use, and where the next one comes from. */
class Tokens {
  #source;
  #current;

  /** `source` is a token, a function that gives one, or nothing. */
  constructor(source) {
    this.#source = source;
  }

  /** Whether a token is in use that was fetched before. */
  get isHeld() {
    return this.#current !== undefined;
  }

  /** Resolves to the token in use, or to nothing. */
  async current() {
    if (typeof this.#source !== 'function') return this.#source;
    return (this.#current ??= (await this.#source()) ?? undefined);
  }

  /** Resolves to another token than the one in use, or to nothing if there is no other. */
  async newer() {
    if (typeof this.#source !== 'function') return undefined;
    const old = this.#current;
    const token = (await this.#source()) ?? undefined;
    this.#current = token;
    return token === old ? undefined : token;
  }

  /** The server has refused the token in use: the next request needs another one. */
  forget() {
    this.#current = undefined;
  }
}

const WIRES = { sse, ws };

/** The address of `path` beside `url`, with one `channel=` for each of `channels`. */
function endpoint(url, path, channels, parameters, scheme = 'http') {
  const address = new URL(path, url);
  for (const channel of channels) address.searchParams.append('channel', channel);
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  address.protocol = address.protocol.replace('http', scheme);
  return address.href;
}

/** Doubles with each attempt up to a cap; half of it is chance, so that a crowd spreads out. */
function backoffMs(attempt) {
  const wholeMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** attempt);
  return wholeMs * (0.5 + Math.random() / 2);
}

const ignore = () => {};
/** Close codes of a WebSocket: its token has expired, its key is in force no more, or it had none that is valid. */
const TOKEN_IS_OVER = [4002, 4004, 4501];
const BACKOFF_MS_MIN = 300;
const BACKOFF_MS_MAX = 15_000;
/** How many heartbeats may fail to come before a connection is taken for dead. */
const HEARTBEATS_MAX = 2.5;
/** What each step of connecting may take; afterwards the server says how often it speaks. */
const CONNECT_MS_MAX = 15_000;
/** A connection that lived this long was a good one: the next loss starts counting from zero. */
const STEADY_MS = 5_000;
