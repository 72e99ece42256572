/** What can go wrong, in one class: what happened and why as `message`, and what a program decides by as `code`. */

/**
 * @typedef {object} Gap Messages of `channel` after the position `from`, up to and including `to`, are lost, some or all.
 * @property {string} channel The channel or pattern, as it was subscribed.
 * @property {string} from
 * @property {string} to
 */

export class TidewireError extends Error {
  /**
   * @param {string} message
   * @param {{ code?: string, status?: number, retryMs?: number, isFinal?: boolean, gap?: Gap, cause?: unknown }} [detail]
   */
  constructor(message, { code, status, retryMs, isFinal, gap, cause } = {}) {
    super(message, { cause });
    this.name = 'TidewireError';
    /** A code of docs/errors.md; or `unreachable`, `closed`, `gap`, `token`. */
    this.code = code ?? 'unreachable';
    /** The HTTP status or the close code of the server's answer, if there was one. */
    this.status = status;
    /** When the server wants the next attempt, in milliseconds. */
    this.retryMs = retryMs;
    /** Whether the same would be refused again: nothing but a change of the request helps. */
    this.isFinal = isFinal ?? (status !== undefined && status < 500 && status !== 408 && status !== 429);
    /** With the code `gap`: which messages are lost. */
    this.gap = gap;
  }
}

/** Calls what an application has given. An error in it is reported as one of the page, and the client goes on. */
export function call(callback, value) {
  try {
    callback(value);
  } catch (error) {
    queueMicrotask(() => raise(error));
  }
}

/** For {@link call}: reports what nobody handles. */
export function raise(error) {
  throw error;
}

/** For a gap that nobody handles. */
export const gapError = (gap) =>
  new TidewireError(
    `Messages of ${gap.channel} after ${gap.from} up to ${gap.to} are lost: the server does not store them any more. ` +
      "Pass ongap and fetch the state again there, or pass gaps: 'ignore' if old messages do not matter.",
    { code: 'gap', isFinal: true, gap },
  );
