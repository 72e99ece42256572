/**
 * One wire, watched: its connection, which may be cut and resumed, what it brought, and what it
 * has missed so far.
 */
import { Latency, formatMs } from './latency.js';
import { Rows } from './rows.js';
import { connect, matches } from './client/tidewire.js';

export class Pane {
  #wire;
  #timeline;
  #part;
  #rows;
  #latency;
  #token;
  #channel;
  #tide;
  #subscription;
  #state = 'connecting';
  #onstate;
  /** Set while the wire is away and until it has caught up. */
  #away;
  #missed = new Set();
  #counts;
  #frame = 0;
  #returnTimer;
  #waitTimer;

  /** Fills `section` with the pane's template; `onstate(wire, state, detail)` is called at each change. */
  constructor(section, { wire, timeline, token, onstate }) {
    section.append(document.getElementById('pane').content.cloneNode(true));
    this.#wire = wire;
    this.#timeline = timeline;
    this.#token = token;
    this.#onstate = onstate;
    this.#part = Object.fromEntries(
      [...section.querySelectorAll('[data-part]')].map((part) => [part.dataset.part, part]),
    );
    this.#part.section = section;
    this.#rows = new Rows(this.#part.list);
    this.#latency = new Latency(this.#part.latency);
    this.#part.cut.addEventListener('click', () => this.#toggle());
    this.#part.blink.addEventListener('click', () => this.cut(BLINK_SECONDS));
    timeline.addEventListener('published', ({ detail }) => this.#published(detail));
    timeline.addEventListener('arrived', ({ detail }) => this.#known(detail));
  }

  /** Starts over on `channel`, from now. */
  watch(channel) {
    this.#tide?.close();
    this.#channel = channel;
    this.#rows.clear(channel);
    this.#latency.clear();
    this.#missed.clear();
    this.#away = undefined;
    this.#counts = { messages: 0, gaps: 0, duplicates: 0, newest: undefined, resume: undefined };
    this.resume();
  }

  /** Ends the connection until `resume`, or for `seconds`. */
  cut(seconds) {
    this.#tide.close();
    if (seconds) this.#countDown(seconds);
  }

  /** Connects and goes on from the last position, if there is one. */
  resume() {
    clearTimeout(this.#returnTimer);
    this.#part.blink.textContent = BLINK_LABEL;
    this.#tide = connect(new URL('.', document.baseURI), {
      wires: [WIRES[this.#wire]],
      token: () => this.#token.token,
      onstate: (state) => this.#enter(state),
    });
    this.#subscription = this.#tide.subscribe(this.#channel, {
      since: this.#counts.resume,
      onmessage: (message) => this.#message(message),
      ongap: (gap) => this.#gap(gap),
      // The state says it, too.
      onerror() {},
    });
    this.#draw();
  }

  /** Goes on with the token that is in use now. */
  reconnect() {
    this.#tide?.close();
    this.resume();
  }

  /** Says why nothing happens, where the browser itself holds the request back: it sends no event for that. */
  #wait() {
    const [page] = performance.getEntriesByType('navigation');
    if (page?.nextHopProtocol === 'http/1.1') this.#part.reason.textContent = SIX_CONNECTIONS;
  }

  #toggle() {
    if (this.#subscription) this.cut();
    else this.resume();
  }

  #countDown(seconds) {
    this.#part.blink.textContent = `Back in ${seconds} s`;
    this.#returnTimer = setTimeout(() => {
      if (seconds > 1) this.#countDown(seconds - 1);
      else this.resume();
    }, 1_000);
  }

  #enter({ name, wire, head, until, reason, error }) {
    const shown = name === 'closed' ? 'cut' : name === 'offline' && wire ? 'connecting' : name;
    const isOpen = OPEN.includes(shown);
    clearTimeout(this.#waitTimer);
    if (this.#wire === 'sse' && !isOpen && shown !== 'cut') {
      this.#waitTimer = setTimeout(() => this.#wait(), WAIT_MS + (until ? until - Date.now() : 0));
    }
    if (OPEN.includes(this.#state) && !isOpen) this.#leave(shown);
    this.#state = shown;
    // The page asks for the token, and says what was wrong with it.
    const why = error?.status === 401 ? 'A valid token is needed: see above.' : reason;
    this.#part.reason.textContent = (shown === 'refused' && why) || '';
    if (isOpen && this.#away) this.#return(head);
    if (shown === 'cut' || shown === 'refused') {
      this.#counts.resume = this.#subscription.position;
      this.#subscription = this.#tide = undefined;
    }
    this.#onstate(this.#wire, shown, { reason, status: error?.status });
    this.#draw();
  }

  #leave(state) {
    const { position } = this.#subscription;
    this.#away = { sinceMs: performance.now(), caughtUp: 0 };
    this.#rows.mark('cut', `${state === 'cut' ? 'Disconnected' : 'Connection lost'} at ${position}`);
  }

  #return(head) {
    const away = this.#away;
    // What the connection has to catch up with is known when it opens, or a moment later.
    away.head ??= head;
    if (away.mark) return;
    away.liveMs = performance.now();
    away.mark = this.#rows.mark('resumed', '');
    this.#describeReturn();
  }

  #describeReturn() {
    const { mark, sinceMs, liveMs, caughtUp } = this.#away;
    const messages = caughtUp === 1 ? '1 message' : `${caughtUp} messages`;
    mark.textContent = `Resumed after ${formatMs(liveMs - sinceMs)}, ${messages} caught up`;
  }

  #message(message) {
    const late = this.#isLate(message);
    const entry = this.#timeline.arrived(this.#wire, message, late);
    this.#rows.message(message, late);
    if (entry.publishedMs !== undefined) this.#time(entry);
    const counts = this.#counts;
    counts.messages += 1;
    if (isAtOrBefore(message.position, counts.newest)) counts.duplicates += 1;
    counts.newest = message.position;
    this.#missed.delete(message.position);
    if (late) {
      this.#away.caughtUp += 1;
      this.#describeReturn();
    }
    this.#draw();
  }

  #isLate({ position }) {
    const away = this.#away;
    return Boolean(away?.mark) && (!away.head || isAtOrBefore(position, away.head));
  }

  #gap({ from, to }) {
    this.#counts.gaps += 1;
    this.#missed.clear();
    this.#rows.mark('gap', `Gap: messages between ${from} and ${to} are lost`);
    this.#draw();
  }

  /** A publish of this page was answered: it may have arrived before. */
  #published({ channel, entry }) {
    if (entry.arrivals.has(this.#wire)) this.#time(entry);
    else this.#known({ channel, entry });
    this.#draw();
  }

  /** Shows how long an entry took whose publish and arrival are both known. */
  #time({ position, publishedMs, arrivals }) {
    const { ms, late } = arrivals.get(this.#wire);
    this.#rows.latency(position, ms - publishedMs);
    if (!late) this.#latency.add(ms - publishedMs);
  }

  /** Another wire or a publish showed a message; while away, it is one to come. */
  #known({ channel, entry }) {
    if (!this.#away || OPEN.includes(this.#state) || entry.arrivals.has(this.#wire)) return;
    if (!matches(this.#channel, channel) || this.#missed.size >= MISSED_MAX) return;
    this.#missed.add(entry.position);
    this.#draw();
  }

  #draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show();
    });
  }

  #show() {
    const { messages, gaps, duplicates, newest, resume } = this.#counts;
    const position = this.#subscription?.position ?? resume ?? '–';
    const { section, cut, blink, empty, reason } = this.#part;
    section.dataset.state = this.#state;
    const missed = this.#missed.size;
    this.#write({ state: this.#state, position, messages, missed, gaps, duplicates });
    cut.textContent = this.#subscription ? 'Disconnect' : 'Reconnect';
    blink.disabled = !this.#subscription;
    empty.hidden = newest !== undefined || reason.textContent !== '';
    this.#latency.show();
  }

  /** Puts texts into the parts of that name; an unchanged one must not be read aloud again. */
  #write(texts) {
    for (const [name, text] of Object.entries(texts)) {
      const part = this.#part[name];
      if (part.textContent === String(text)) continue;
      part.textContent = text;
      part.dataset.lit = text !== 0;
    }
  }
}

/** Whether `position` is no later than `other`; of two epochs nothing can be said. */
function isAtOrBefore(position, other) {
  const [epoch, offset] = position.split('-');
  const [otherEpoch, otherOffset] = (other ?? '').split('-');
  return epoch === otherEpoch && BigInt(offset) <= BigInt(otherOffset);
}

/** What the client calls each wire. */
const WIRES = { sse: 'sse', ws: 'websocket' };
/** The states of a connection that brings messages. */
const OPEN = ['live', 'catching up'];
const BLINK_SECONDS = 5;
const BLINK_LABEL = 'Offline for 5 s';

/** How long an attempt may take before the page says what may be the reason. */
const WAIT_MS = 2_000;
const SIX_CONNECTIONS =
  'No answer yet. Over HTTP/1.1 a browser opens at most six connections to a host, and other tabs may use all of them. ' +
  'Close some, or use https: over HTTP/2 there is no such limit.';
/** Where counting what was missed ends; what it is stays on the server. */
const MISSED_MAX = 100_000;
