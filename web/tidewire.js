/**
 * A small client of Tidewire for browsers: subscribe over WebSocket or Server-Sent Events, and
 * resume by itself after every drop. It imports nothing and knows nothing of the console.
 *
 *     import { subscribe, presence } from './tidewire.js';
 *
 *     const subscription = subscribe('https://example.org/', {
 *       channels: ['chat.room1', 'news.*'],  // names or patterns; `lobby` unless told
 *       since: 'k3f9a-1042',                 // a position, `earliest`, `5m`; `now` unless told
 *       wire: 'sse',                         // or `ws`, the default
 *       user: 'ada', info: { colour: 'red' },  // who this is, where a channel tells who is there
 *       onmessage(message) {},               // {channel, position, time, event?, key?, data?}
 *       ongap(gap) {},                       // {channel, from, to}: retention took what lay there
 *       onstate(state, detail) {},           // below
 *     });
 *     subscription.position;                 // hand it over as `since` to go on later, on any wire
 *     subscription.close();
 *     const { members } = await presence('https://example.org/', 'chat.room1');
 *
 * Each message arrives once and in order, or after a gap that says which are missing. Several
 * channels on `ws` are caught up one by one: order then holds within each, and a position taken
 * meanwhile is early rather than late, so going on from it may repeat some. The states:
 *
 * - `connecting`: the first attempt is under way
 * - `live` `{head}`: connected; messages up to the position `head` are older than this moment
 * - `reconnecting` `{delayMs}`: the connection is gone, the next attempt is in that time
 * - `refused` `{reason}`: the server will not have this subscription; no further attempt
 * - `closed`: by `close()`
 */

/** Subscribes to `channels` of the server at `url`, until the returned subscription is closed. */
export function subscribe(url, options) {
  const { channels = ['lobby'], since = 'now', wire = 'ws', user, info } = options;
  const { onmessage = ignore, ongap = ignore, onstate = ignore } = options;
  const who = { ...(user && { user }), ...(info !== undefined && { info: JSON.stringify(info) }) };
  const connect = WIRES[wire](url, channels, since, who);
  // Moves only once every channel is subscribed: what one catches up is ahead of the others.
  let position = since === 'now' ? undefined : since;
  let disconnect = ignore;
  let live = false;
  let attempt = 0;
  let steadyTimer;
  let retryTimer;

  const leave = (state, detail) => {
    clearTimeout(steadyTimer);
    clearTimeout(retryTimer);
    disconnect();
    disconnect = ignore;
    live = false;
    onstate(state, detail);
  };
  const events = {
    opened(head, start) {
      position ??= start;
      live = true;
      steadyTimer = setTimeout(() => (attempt = 0), STEADY_MS);
      onstate('live', { head });
    },
    message(message) {
      if (live) position = message.position;
      onmessage(message);
    },
    gap(gap) {
      if (live) position = gap.to;
      ongap(gap);
    },
    lost(delayMs = backoffMs(attempt)) {
      attempt += 1;
      leave('reconnecting', { delayMs });
      retryTimer = setTimeout(open, delayMs);
    },
    refused(reason) {
      leave('refused', { reason });
    },
  };
  const open = () => (disconnect = connect(events));

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
 * Resolves to who is on `channel`, `{members, position}` with a member `{connection, user?, info?,
 * since}`, if its configuration has it told. Whoever comes and goes then is heard by subscribing to
 * `$presence.` and its name `since` that position: by `key` with `data`, or without once it left.
 */
export async function presence(url, channel) {
  const members = new Map();
  let since = 'earliest';
  for (;;) {
    const path = `channels/${encodeURIComponent(channel)}/presence`;
    const address = endpoint(url, path, [], { since, limit: 1_000 });
    const response = await fetch(address, { cache: 'no-store' });
    const page = await response.json();
    if (!response.ok) throw new Error(page.detail ?? page.title);
    if (page.gaps) members.clear();
    for (const connection of page.left ?? []) members.delete(connection);
    for (const member of page.members) members.set(member.connection, member);
    since = page.gaps ? 'earliest' : page.position;
    if (!page.more && !page.gaps) return { members: [...members.values()], position: since };
  }
}

/** Whether `channel` is what `pattern` names: `*` stands for one token, a last `>` for the rest. */
export function matches(pattern, channel) {
  const tokens = channel.split('.');
  const wanted = pattern.split('.');
  const rest = wanted.at(-1) === '>' ? wanted.length - 1 : undefined;
  if (rest === undefined ? tokens.length !== wanted.length : tokens.length <= rest) return false;
  return wanted.slice(0, rest).every((token, at) => token === '*' || token === tokens[at]);
}

/*
 * A wire is made once per subscription and keeps where to resume. It connects when called, reports
 * through `events`, and returns what ends the connection without a further report.
 */

/** One ordered stream, so its last position is where all its channels resume. */
function sse(url, channels, since, who) {
  let position = since;
  return (events) => {
    const abort = new AbortController();
    let source;
    const listen = (head) => {
      if (position === 'now') position = head;
      source = new EventSource(
        endpoint(url, 'events', channels, { since: position, format: 'json', ...who }),
      );
      source.onopen = () => events.opened(head, position);
      source.onerror = () => events.lost();
      source.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        position = message.position;
        events.message(message);
      };
      source.addEventListener('$gap', ({ data }) => {
        const { type, ...gap } = JSON.parse(data);
        position = gap.to;
        events.gap(gap);
      });
    };
    askHead(url, channels, who, abort.signal).then(listen, (failure) => {
      if (abort.signal.aborted) return;
      if (failure.reason) events.refused(failure.reason);
      else events.lost(failure.retryMs);
    });
    return () => {
      abort.abort();
      source?.close();
    };
  };
}

/**
 * Resolves to the head's position through an empty poll: an EventSource says neither where it
 * starts nor why it was refused.
 */
async function askHead(url, channels, who, signal) {
  const poll = endpoint(url, 'poll', channels, { since: 'now', wait: '0s', ...who });
  const response = await fetch(poll, { signal, cache: 'no-store' });
  if (response.ok) return (await response.json()).position;
  const problem = await response.json().catch(() => ({}));
  const passing = response.status >= 500 || response.status === 408 || response.status === 429;
  const retryAfterSeconds = Number(response.headers.get('Retry-After')) || undefined;
  throw passing
    ? { retryMs: retryAfterSeconds && retryAfterSeconds * 1000 }
    : { reason: problem.detail ?? problem.title ?? `HTTP status ${response.status}` };
}

/**
 * Each channel resumes from its own last position: while several catch up, one may be ahead of
 * another.
 */
function ws(url, channels, since, who) {
  const resume = new Map(channels.map((channel) => [channel, since]));
  const move = (channel, position) => {
    for (const pattern of resume.keys()) {
      if (pattern === channel || matches(pattern, channel)) resume.set(pattern, position);
    }
  };
  return (events) => {
    const socket = new WebSocket(endpoint(url, 'ws', [], who, 'ws'), 'tidewire.v1');
    const awaited = new Set(channels);
    let head;
    let retryMs;
    const handlers = {
      welcome({ position }) {
        head = position;
        channels.forEach((channel, at) => {
          const request = { type: 'subscribe', id: at + 1, channel, since: resume.get(channel) };
          socket.send(JSON.stringify(request));
        });
      },
      subscribed({ channel, position }) {
        if (resume.get(channel) === 'now') resume.set(channel, position);
        awaited.delete(channel);
        if (awaited.size === 0) events.opened(head, resume.get(channels[0]));
      },
      message(message) {
        move(message.channel, message.position);
        events.message(message);
      },
      gap(gap) {
        move(gap.channel, gap.to);
        events.gap(gap);
      },
      goodbye: (goodbye) => (retryMs = goodbye.retry_ms),
      error(error) {
        if (error.retry_ms === undefined) events.refused(error.message);
        else events.lost(error.retry_ms);
      },
    };
    socket.onmessage = ({ data }) => {
      const { type, ...fields } = JSON.parse(data);
      if (Object.hasOwn(handlers, type)) handlers[type](fields);
    };
    socket.onclose = () => events.lost(retryMs);
    return () => {
      socket.onmessage = socket.onclose = null;
      socket.close();
    };
  };
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
const BACKOFF_MS_MIN = 300;
const BACKOFF_MS_MAX = 15_000;
/** A connection that lived this long was a good one: the next loss starts counting anew. */
const STEADY_MS = 5_000;
