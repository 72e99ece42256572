/**
 * The list of one pane. Rows are gathered and put in once a frame, the newest at the bottom; the
 * view follows it unless somebody has scrolled up to read.
 */
import { formatMs } from './latency.js';

export class Rows {
  #list;
  #watched;
  #waiting = [];
  #cells = new Map();
  #frame = 0;

  constructor(list) {
    this.#list = list;
  }

  /** Appends `message`; `late` marks it as caught up. */
  message(message, late) {
    const row = element('li', late ? 'row late' : 'row');
    const latency = element('span', 'latency');
    row.append(
      element('span', 'position', message.position),
      this.#label(message),
      text(message),
      latency,
    );
    this.#cells.set(message.position, latency);
    if (this.#cells.size > ROWS_MAX) this.#cells.delete(this.#cells.keys().next().value);
    this.#append(row);
  }

  /** Fills in how long the message at `position` took, known once its publish was answered. */
  latency(position, ms) {
    const cell = this.#cells.get(position);
    if (cell) cell.textContent = formatMs(ms);
  }

  /** Appends a line about the connection and returns it, for its text to be changed. */
  mark(kind, words) {
    const row = element('li', `mark ${kind}`, words);
    this.#append(row);
    return row;
  }

  /** Empties the list, for messages of `watched`; a row names its channel when that is another. */
  clear(watched) {
    this.#watched = watched;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#waiting.length = 0;
    this.#cells.clear();
    this.#list.replaceChildren();
  }

  /** What distinguishes messages, shown before their text: channel, event name and key. */
  #label({ channel, event, key }) {
    const parts = [channel !== this.#watched && channel, event, key && `#${key}`].filter(Boolean);
    const cell = element('span', 'label', parts.join(' '));
    cell.hidden = parts.length === 0;
    return cell;
  }

  #append(row) {
    this.#waiting.push(row);
    if (this.#waiting.length > ROWS_MAX) this.#waiting.shift();
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    this.#frame = 0;
    const list = this.#list;
    const following = list.scrollHeight - list.scrollTop - list.clientHeight < FOLLOW_PX;
    list.append(...this.#waiting.splice(0));
    while (list.childElementCount > ROWS_MAX) list.firstElementChild.remove();
    if (following) list.scrollTop = list.scrollHeight;
  }
}

/** An element with a class and a text; never markup, so a payload cannot be more than text. */
function element(name, className, textContent = '') {
  return Object.assign(document.createElement(name), { className, textContent });
}

function text({ data, encoding }) {
  if (data === undefined) return element('span', 'text quiet', 'removed');
  const whole = typeof data === 'string' ? data : JSON.stringify(data);
  const words = whole.length > TEXT_CHARS_MAX ? `${whole.slice(0, TEXT_CHARS_MAX)}…` : whole;
  const cell = encoding
    ? element('span', 'text quiet', `${encoding} ${words}`)
    : element('span', 'text', words);
  cell.title = words;
  return cell;
}

/** What a reader may scroll back through; older rows leave the page. */
const ROWS_MAX = 500;
/** A payload may be a megabyte; a row shows its beginning. */
const TEXT_CHARS_MAX = 400;
/** Closer to the end than this counts as being at the end. */
const FOLLOW_PX = 40;
