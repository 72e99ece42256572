/**
 * The token of this page: asked for when the server refuses, shown by what it says of itself, and kept in this tab only.
 * It leaves the page in headers and frames, and is never part of a URL.
 */

export class TokenForm {
  #form;
  #toggle;
  #onchange;
  #part;
  #token;
  #expiryTimer;
  /** Why the server has refused something, until another token is in use: `{status, reason}`. */
  #refusal;

  /** `toggle` is the button that shows the form; `onchange()` is called when another token is in use. */
  constructor(form, toggle, onchange) {
    this.#form = form;
    this.#toggle = toggle;
    this.#onchange = onchange;
    this.#part = Object.fromEntries(
      [...form.querySelectorAll('[data-part]')].map((part) => [part.dataset.part, part]),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const { token } = form.elements;
      this.#use(token.value.trim() || undefined);
      token.value = '';
    });
    this.#part.forget.addEventListener('click', () => this.#use(undefined));
    toggle.addEventListener('click', () => this.#open(form.hidden));
    this.#token = kept.read();
    this.#show();
  }

  /** The token in use, if there is one. */
  get token() {
    return this.#token;
  }

  /** The header for a request. */
  get headers() {
    return this.#token ? { Authorization: `Bearer ${this.#token}` } : {};
  }

  /** Asks for a token, if a refusal is one that another token could change. */
  refused({ status, reason }) {
    if (status !== 401 && status !== 403) return;
    this.#refusal = { status, reason };
    this.#open(true);
    this.#show();
  }

  /** The server has accepted what it was asked for with the token in use. */
  accepted() {
    if (!this.#refusal) return;
    this.#refusal = undefined;
    this.#open(false);
    this.#show();
  }

  #use(token) {
    this.#token = token;
    this.#refusal = undefined;
    kept.write(token);
    this.#open(false);
    this.#show();
    this.#onchange();
  }

  #open(isOpen) {
    this.#form.hidden = !isOpen;
    this.#toggle.setAttribute('aria-expanded', String(isOpen));
  }

  #show() {
    clearTimeout(this.#expiryTimer);
    const claims = claimsOf(this.#token);
    const { say, does, make, forget } = this.#part;
    this.#form.dataset.refused = String(Boolean(this.#refusal));
    // A server that asks for no token needs no button for one.
    this.#toggle.hidden = !this.#token && !this.#refusal;
    this.#toggle.textContent = this.#token ? owner(this.#token, claims) : 'No token';
    say.textContent = this.#sentence(claims);
    does.textContent = NEXT[this.#refusal?.status] ?? STORED;
    make.hidden = !this.#refusal;
    forget.hidden = !this.#token;
    if (claims?.exp) this.#warnAt(claims.exp * 1_000 - WARNING_MS);
  }

  /** Shows the form shortly before the token expires: until then another one interrupts nothing. */
  #warnAt(timeMs) {
    const inMs = timeMs - Date.now();
    if (inMs <= 0 || inMs > TIMER_MS_MAX) return;
    this.#expiryTimer = setTimeout(() => {
      this.#open(true);
      this.#part.does.textContent = EXPIRES_SOON;
    }, inMs);
  }

  #sentence(claims) {
    const { status, reason } = this.#refusal ?? {};
    if (!this.#token) {
      return status ? 'This server asks for a token.' : 'No token is in use.';
    }
    if (status === 401) return `The server does not accept this token: ${reason}.`;
    const whose = describe(this.#token, claims);
    return status ? `The token does not allow this: ${reason}. ${whose}` : whose;
  }
}

/** Whose token it is, in a word or two. */
function owner(token, claims) {
  if (token.startsWith('tk_')) return 'API key';
  return claims?.sub ? `Token of ${claims.sub}` : 'Token in use';
}

/** What a token says of itself. The server decides what of it is true. */
function describe(token, claims) {
  if (!claims) return `${owner(token)}.`;
  const { subscribe, publish, presence, history } = claims.tidewire ?? {};
  const list = (name, patterns) => patterns?.length && `${name} ${patterns.join(', ')}`;
  const may = [
    list('subscribe to', subscribe),
    list('publish to', publish),
    list('see the members of', presence),
    history && 'read history',
  ].filter(Boolean);
  const until = claims.exp ? `, valid until ${new Date(claims.exp * 1_000).toLocaleString()}` : '';
  return `${owner(token, claims)}${until}. It may ${may.join('; ') || 'do nothing'}.`;
}

/** The claims of a JSON Web Token, or nothing if it is something else. */
function claimsOf(token) {
  try {
    const base64 = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** What a tab keeps while it is open. A browser may refuse that; then the token lasts until the page is loaded again. */
const kept = {
  read() {
    try {
      return sessionStorage.getItem(KEY) ?? undefined;
    } catch {
      return undefined;
    }
  },
  write(token) {
    try {
      if (token) sessionStorage.setItem(KEY, token);
      else sessionStorage.removeItem(KEY);
    } catch {
      // It stays in memory.
    }
  },
};

const KEY = 'tidewire.token';
const STORED = 'A token stays in this tab, and is gone when you close it.';
const EXPIRES_SOON = 'This token expires soon. Paste a newer one: no message is lost.';
const MAKE = "On the server's machine, this command signs one to try:";
const NEXT = {
  401: `Paste a valid token. ${STORED} ${MAKE}`,
  403: `Paste a token that allows it. ${MAKE}`,
};
const WARNING_MS = 30_000;
/** A browser's timer takes no longer time. */
const TIMER_MS_MAX = 2 ** 31 - 1;
