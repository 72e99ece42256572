/** Pages of the messages that the server stores. Each is one HTTP request, whatever wire the connection uses. */
import { again, pathOf } from './again.js';
import { gapError } from './errors.js';

/**
 * @typedef {object} HistoryOptions
 * @property {string} [since] Only messages after this position, duration or time.
 * @property {string} [before] The newest messages before this one, and then further back.
 * @property {string} [until] Only messages before this one, the oldest first.
 * @property {number} [limit] How many messages a page has at most.
 * @property {(gap: import('./errors.js').Gap) => void} [ongap] Called when messages are lost. Without it that is an error.
 * @property {'ignore'} [gaps] Lost messages do not matter to the application.
 * @property {AbortSignal} [signal] Ends it.
 */

/**
 * @template [T=any]
 * @typedef {object} Page
 * @property {import('./subscription.js').Message<T>[]} messages The oldest first.
 * @property {string} position `since` for the page after this one, and for a subscription.
 * @property {string} [before] `before` for the page before this one.
 * @property {boolean} [more]
 * @property {import('./errors.js').Gap[]} [gaps]
 */

/**
 * @template [T=any]
 * @typedef {AsyncIterable<import('./subscription.js').Message<T>> & { pages(): AsyncGenerator<Page<T>, void> }} History
 */

/**
 * The messages of `channel`, a name or a pattern: the oldest first, or with `before` the newest first.
 *
 * @template [T=any]
 * @param {import('./tide.js').Tide} tide
 * @param {string} channel
 * @param {HistoryOptions} [options]
 * @returns {History<T>}
 */
export function history(tide, channel, { ongap, gaps: handling, signal, ...query } = {}) {
  const path = pathOf(channel, 'messages');
  return {
    async *pages() {
      const next = { ...query };
      for (let more = true; more; ) {
        const page = await again(tide, signal, (signal) => tide.ask(path, { query: next, signal }));
        yield page;
        more = page.more;
        if (next.before) next.before = page.before;
        else next.since = page.position;
      }
    },
    async *[Symbol.asyncIterator]() {
      for await (const { messages, gaps = [] } of this.pages()) {
        for (const gap of gaps) {
          if (ongap) ongap(gap);
          else if (!handling) throw gapError(gap);
        }
        yield* query.before ? messages.reverse() : messages;
      }
    },
  };
}
