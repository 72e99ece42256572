/**
 * Requests that are tried until they are answered. An error that can pass is waited for; one that would repeat ends it.
 */
import { checked } from './positions.js';

/** The path of what the server has of `channel`. Throws if that is no name and no pattern. */
export const pathOf = (channel, what) => `channels/${encodeURIComponent(checked(channel))}/${what}`;

/** Resolves to what `attempt` resolves to. Rejects with a refusal, or when `signal` is aborted. */
export async function again(tide, signal, attempt) {
  for (let failures = 0; ; failures += 1) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!canPass(error)) throw error;
      await pause(tide, signal, error.retryMs, failures);
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
      resolve();
    };
    const timer = setTimeout(end, givenMs ?? backoffMs(failures));
    const stop = tide.on('state', ({ name }) => givenMs === undefined && name === 'live' && end());
    signal?.addEventListener('abort', end, { once: true });
  });
}

const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 30_000;
