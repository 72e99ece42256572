/** What can go wrong, in one class: what happened and why as `message`, and what a program decides by as `code`. */

/**
 * @typedef {object} Gap Messages of `channel` after the position `from`, up to and including `to`, are lost, some or all.
 * @property {string} channel The channel or pattern, as it was subscribed.
 * @property {string} from
 * @property {string} to
 */

/**
 * @typedef {object} Detail
 * @property {string} [code] A code of docs/errors.md; or one that docs/javascript.md lists.
 * @property {number} [status] The HTTP status or the close code of the server's answer, if there was one.
 * @property {number} [retryMs] When the server wants the next attempt, in milliseconds.
 * @property {boolean} [isFinal] Whether the same would be refused again: nothing but a change of the request helps.
 * @property {Gap} [gap] With the code `gap`: which messages are lost.
 */

export class TidewireError extends Error {
  name = 'TidewireError';

  /**
   * @param {string} message
   * @param {Detail} [detail]
   */
  constructor(message, { code = 'unreachable', status, retryMs, isFinal, gap } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryMs = retryMs;
    this.isFinal = isFinal ?? (status < 500 && status !== 408 && status !== 429);
    this.gap = gap;
  }
}

/** An error as frames and batches of the server have it. */
export const refusal = ({ code, message, retry_ms: retryMs }) =>
  new TidewireError(message, { code, retryMs, isFinal: !retryMs && !PASSING.test(code) });

/** For a gap that nobody handles. */
export const gapError = (gap) =>
  new TidewireError(`Messages of ${gap.channel} are lost up to ${gap.to}: pass ongap, or gaps: 'ignore'`, {
    code: 'gap',
    isFinal: true,
    gap,
  });

/** Calls what an application has given. An error in it is a rejection that nobody handles, and the client goes on. */
export const call = async (callback, value) => callback(value);

const PASSING = /limit_|overl|unav|insuff|timeo|internal/;
