/** The form: publishes one message or a burst, and says what came of it. */

export class PublishForm {
  #form;
  #timeline;
  #token;
  #part;

  constructor(form, timeline, token) {
    this.#form = form;
    this.#timeline = timeline;
    this.#token = token;
    this.#part = Object.fromEntries(
      [...form.querySelectorAll('[data-part]')].map((part) => [part.dataset.part, part]),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#publishOne();
    });
    this.#part.burst.addEventListener('click', () => this.#publishBurst());
    this.#part.text.addEventListener('input', () => this.#showKind());
  }

  /** Offers to publish to `channel` from now on. */
  follow(channel) {
    this.#form.elements.channel.value = channel;
    this.#say('', '');
  }

  async #publishOne() {
    const { text } = this.#part;
    const sent = text.value;
    try {
      const position = await this.#publish(sent, this.#target());
      if (text.value === sent) text.value = '';
      this.#showKind();
      this.#say('done', `Published at ${position}`);
    } catch (failure) {
      this.#say('failed', failure.message);
    }
  }

  /** Publishes `BURST_MESSAGES`, a few at a time, and stops at the first that fails. */
  async #publishBurst() {
    const { burst, text } = this.#part;
    const words = text.value || 'Burst';
    const target = this.#target();
    let next = 1;
    let answered = 0;
    burst.disabled = true;
    const publishSome = async () => {
      while (next <= BURST_MESSAGES) {
        await this.#publish(`${words} ${next++}`, target);
        burst.textContent = `${(answered += 1)} of ${BURST_MESSAGES}`;
      }
    };
    const stopping = () => publishSome().finally(() => (next = BURST_MESSAGES + 1));
    const outcomes = await Promise.allSettled(Array.from({ length: BURST_AT_ONCE }, stopping));
    const failure = outcomes.find(({ status }) => status === 'rejected')?.reason;
    burst.disabled = false;
    burst.textContent = `Burst of ${BURST_MESSAGES}`;
    if (failure) this.#say('failed', `After ${answered} messages: ${failure.message}`);
    else this.#say('done', `Published ${answered} messages`);
  }

  /** What the form says now about where to publish, and under which event name and key. */
  #target() {
    const { channel, event, key } = this.#form.elements;
    return { channel: channel.value, event: event.value, key: key.value };
  }

  /** Publishes `text` and resolves to its position. */
  async #publish(text, { channel, event, key }) {
    const address = new URL(`publish/${encodeURIComponent(channel)}`, document.baseURI);
    if (event) address.searchParams.set('event', event);
    if (key) address.searchParams.set('key', key);
    const contentType = isJson(text) ? 'application/json' : 'text/plain; charset=utf-8';
    const headers = { 'Content-Type': contentType, ...this.#token.headers };
    const clickedMs = performance.now();
    const response = await fetch(address, { method: 'POST', headers, body: text }).catch(() => {
      throw new Error('The server does not answer. Your text is kept: try again later.');
    });
    if (!response.ok) {
      const why = await reason(response);
      this.#token.refused({ status: response.status, reason: why });
      throw new Error(why);
    }
    const { position } = await response.json();
    this.#timeline.published(channel, position, clickedMs);
    return position;
  }

  #showKind() {
    this.#part.kind.textContent = isJson(this.#part.text.value) ? 'JSON' : 'text';
  }

  #say(outcome, words) {
    this.#part.outcome.dataset.outcome = outcome;
    this.#part.outcome.textContent = words;
  }
}

/** What the server holds against a publish: its problem+json, or the bare status. */
async function reason(response) {
  const problem = await response.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `The server answered with HTTP ${response.status}.`;
}

/** Objects and arrays count as JSON; a bare number or word was more likely meant as text. */
function isJson(text) {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const BURST_MESSAGES = 100;
/** Browsers open six connections to a server over HTTP/1.1; one is the event stream's. */
const BURST_AT_ONCE = 4;
