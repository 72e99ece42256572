/**
 * Requests that are tried until they are answered. An error that can pass is waited for; one that would repeat ends it.
 */
import { checked } from './positions.js';

/** The path of what the server has of `channel`. Throws if that is not one name or pattern. */
export const pathOf = (channel, what) => `channels/${encodeURIComponent(checked([channel]))}/${what}`;

/**
 * Resolves to what `attempt(signal)` resolves to; its signal also ends an attempt that takes too long. Rejects with a refusal,
 * or when `signal` is aborted.
 */
export async function again(tide, signal, attempt) {
  for (let failures = 0; ; failures += 1) {
    signal?.throwIfAborted();
    // `AbortSignal.any` is too new for some browsers.
    const abort = new AbortController();
    const end = () => abort.abort();
    const deadline = setTimeout(end, ANSWER_MS_MAX);
    signal?.addEventListener('abort', end);
    try {
      return await attempt(abort.signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!canPass(error)) throw error;
      await pause(tide, signal, error.retryMs, failures);
    } finally {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', end);
    }
  }
}

/** Whether the same request may succeed later. A mistake of the caller, such as data that is not JSON, never does. */
export const canPass = (error) => error.isFinal === false;

/** How long to wait after that many failures, if the server does not say it: full jitter, so that a crowd spreads out. */
export function backoffMs(failures) {
  return Math.random() * Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** failures);
}

/** Waits for `givenMs`, or without it until the connection is back, and not for long. */
function pause(tide, signal, givenMs, failures) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, givenMs ?? backoffMs(failures));
    const stop = tide.on('state', ({ name }) => givenMs === undefined && name === 'live' && end());
    signal?.addEventListener('abort', end);
  });
}

/** The server has answered by then, or never will. */
const ANSWER_MS_MAX = 15_000;
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 30_000;
