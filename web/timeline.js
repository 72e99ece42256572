/**
 * What this page knows of each message: when it was published and when each wire brought it. Apart
 * from the panes, because a publish's answer and its arrivals come in any order.
 */

/**
 * An entry is `{position, publishedMs?, loggedMs, arrivals: Map(wire → {ms, late})}`, with times as
 * of `performance.now()`. `publishedMs` is there for what this page published; for the rest
 * `loggedMs` is the best guess: the first arrival, or the server's clock if that was late.
 */
export class Timeline extends EventTarget {
  #entries = new Map();

  /** Notes that this page published, at `publishedMs`, what the server put at `position`. */
  published(channel, position, publishedMs) {
    const entry = this.#entry(position, publishedMs);
    entry.publishedMs = entry.loggedMs = publishedMs;
    this.#notify('published', { channel, entry });
  }

  /** Notes that `wire` brought `message` now; `late` if it was caught up after a drop. */
  arrived(wire, message, late) {
    const ms = performance.now();
    const stampedMs = Math.min(ms, message.time - performance.timeOrigin);
    const entry = this.#entry(message.position, late ? stampedMs : ms);
    entry.arrivals.set(wire, { ms, late });
    this.#notify('arrived', { channel: message.channel, entry });
    return entry;
  }

  /** The entries, oldest first. */
  entries() {
    return this.#entries.values();
  }

  clear() {
    this.#entries.clear();
  }

  #entry(position, loggedMs) {
    const known = this.#entries.get(position);
    if (known) return known;
    const entry = { position, loggedMs, arrivals: new Map() };
    this.#entries.set(position, entry);
    if (this.#entries.size > ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value);
    return entry;
  }

  #notify(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** More than the chart can show in its window. */
const ENTRIES_MAX = 4_000;
