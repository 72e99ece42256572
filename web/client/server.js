/**
 * Requests to one server, each with a token in its header. A token is never part of a URL.
 *
 * A function for tokens is called at the first request, when the server announces that the token expires, and once more if
 * the server refuses the one in use.
 */
import { TidewireError } from './errors.js';

/** @typedef {ReturnType<typeof server>} Server */

/**
 * @typedef {object} Asked
 * @property {object} [query]
 * @property {string} [method]
 * @property {any} [body] Sent as JSON.
 * @property {AbortSignal} [signal] Without one, the answer has to come within 15 seconds.
 */

/**
 * @param {string | URL} address
 * @param {typeof fetch} fetch
 * @param {string | (() => unknown) | undefined} source A token, or a function that gives one.
 */
export const server = (address, fetch, source) => {
  const base = new URL(String(address).replace(/^ws/, 'http').replace(/\/?$/, '/'), globalThis.location?.href);
  /** The promise of the token in use, so that requests at the same time ask once; and the token, once it is there. */
  let held;
  let current;

  const fresh = async () => {
    current = undefined;
    // A failure below comes after its promise was kept, and forgets it.
    await current;
    try {
      return (current = (typeof source === 'function' ? await source() : source) || undefined);
    } catch (error) {
      held = undefined;
      throw new TidewireError(`No token: ${error}`, { code: 'token' });
    }
  };

  /** Resolves to the token in use, or to nothing. */
  const token = () => (held ??= fresh());

  /** Resolves to another token than `old`, or to nothing if there is no other. */
  const newerToken = async (old) => {
    if (current === old) held = fresh();
    const newer = await token();
    return newer === old ? undefined : newer;
  };

  /** The address of `path` below the server's, with `query`. */
  const url = (path, query = {}) => {
    const address = new URL(path, base);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one != null) address.searchParams.append(name, one);
    }
    return address;
  };

  /**
   * Resolves to the answer to a request if its status is good. Rejects with a {@link TidewireError}.
   *
   * @param {string} path
   * @param {Asked} [asked]
   * @returns {Promise<Response>}
   */
  const request = async (path, { query, method, body, signal = AbortSignal.timeout(ANSWER_MS_MAX) } = {}) => {
    let isLast = !held;
    for (let sent = await token(); ; isLast = true) {
      const response = await fetch(url(path, query), {
        method: method ?? (body ? 'POST' : 'GET'),
        body: JSON.stringify(body),
        headers: sent && { Authorization: `Bearer ${sent}` },
        cache: 'no-store',
        signal,
      }).catch((cause) => {
        throw new TidewireError(`No answer: ${cause.message}`);
      });
      if (response.ok) return response;
      const error = await refusal(response);
      if (response.status === 401 && !isLast && (sent = await newerToken(sent))) continue;
      // A fresh token that has expired was slow to come, or is not the last.
      error.isFinal &&= !isLast || error.code !== 'expired' || typeof source !== 'function';
      throw error;
    }
  };

  return {
    url,
    token,
    /** Hands a newer token over, if there is one. If that fails, the connection goes on until the older one expires. */
    renew: async (handOver) => {
      try {
        const newer = await newerToken(await token());
        if (newer) await handOver(newer);
      } catch {}
    },
    /** The server refuses the token in use: the next request asks for another one. */
    forgetToken: () => (held = current = undefined),
    request,
    /**
     * Resolves to the JSON of an answer. Rejects as `request` does.
     *
     * @param {string} path
     * @param {Asked} [asked]
     */
    ask: async (path, asked) => {
      const response = await request(path, asked);
      return response.json().catch(() => {
        throw new TidewireError('The answer is cut off');
      });
    },
  };
};

/** What the server has against a request: its problem document, or the bare status. */
async function refusal(response) {
  const { status } = response;
  const { detail, code = 'http' } = await response.json().catch(() => ({}));
  return new TidewireError(detail ?? `HTTP ${status}`, {
    code,
    status,
    retryMs: response.headers.get('Retry-After') * 1_000 || undefined,
  });
}

const ANSWER_MS_MAX = 15_000;
