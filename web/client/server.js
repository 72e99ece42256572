/**
 * Requests to one server, each with a token in its header. A token is never part of a URL.
 *
 * A function for tokens is called at the first request, when the server announces that the token expires, and once more if
 * the server refuses the one in use.
 */
import { TidewireError } from './errors.js';

export class Server {
  #base;
  #fetch;
  #source;
  /** The token in use, or the promise of one, so that requests at the same time ask once. */
  #token;

  /**
   * @param {string | URL} url
   * @param {(typeof fetch)} fetch
   * @param {string | (() => unknown) | undefined} token
   */
  constructor(url, fetch, token) {
    this.#base = address(url);
    this.#fetch = fetch;
    this.#source = token;
  }

  /** The address of `path` below the server's, with `query`. */
  url(path, query = {}) {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one !== undefined) url.searchParams.append(name, one);
    }
    return url;
  }

  /** Resolves to the token in use, or to nothing. */
  token() {
    return (this.#token ??= this.#fresh());
  }

  /** Resolves to another token than the one in use, or to nothing if there is no other. */
  async newerToken() {
    if (typeof this.#source !== 'function') return undefined;
    const old = await this.#token;
    const token = await (this.#token = this.#fresh());
    return token === old ? undefined : token;
  }

  /** The server refuses the token in use: the next request asks for another one. */
  forgetToken() {
    this.#token = undefined;
  }

  async #fresh() {
    if (typeof this.#source !== 'function') return this.#source;
    try {
      return (await this.#source()) || undefined;
    } catch (cause) {
      this.#token = undefined;
      throw new TidewireError(`The function for tokens has failed: ${cause}`, { code: 'token', cause });
    }
  }

  /**
   * Resolves to the answer to a request if its status is good. Rejects with a {@link TidewireError}.
   *
   * @param {string} path
   * @param {{ query?: object, method?: string, body?: any, headers?: object, signal?: AbortSignal }} [options]
   * @returns {Promise<Response>}
   */
  async request(path, { query, method, body, headers, signal } = {}) {
    const isHeld = this.#token !== undefined;
    let token = await this.token();
    for (let isLast = !isHeld; ; isLast = true) {
      const response = await this.#send(this.url(path, query), {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
        headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }) },
        cache: 'no-store',
        signal,
      });
      if (response.ok) return response;
      if (response.status !== 401 || isLast) throw await refusal(response);
      token = await this.newerToken();
      if (!token) throw await refusal(response);
    }
  }

  /** Resolves to the JSON of an answer. Parameters and errors are those of {@link request}. */
  async ask(path, options) {
    const response = await this.request(path, options);
    try {
      return await response.json();
    } catch (cause) {
      throw new TidewireError(`The answer of ${path} has ended too early`, { cause });
    }
  }

  async #send(url, options) {
    const fetch = this.#fetch;
    try {
      return await fetch(url, options);
    } catch (cause) {
      throw new TidewireError(`The server at ${url.origin} does not answer`, { cause });
    }
  }
}

/** What the server has against a request: its problem document, or the bare status. */
async function refusal(response) {
  const { status } = response;
  const problem = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get('Retry-After'));
  return new TidewireError(problem.detail ?? problem.title ?? `The server answers with HTTP ${status}`, {
    code: problem.code ?? 'http',
    status,
    retryMs: seconds ? seconds * 1_000 : undefined,
  });
}

/** The folder that `url` names, over HTTP. */
function address(url) {
  let base;
  try {
    base = new URL(url, globalThis.location?.href);
  } catch {
    // Reported below, as an address of another scheme is.
  }
  if (!/^(http|ws)s?:$/.test(base?.protocol ?? '')) {
    throw new TypeError(`${url} is no address of a server. Pass one such as https://example.org`);
  }
  base.protocol = base.protocol.replace('ws', 'http');
  base.hash = base.search = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}
