/** Latency of one pane: a running median and a sparkline over the last messages that came live. */

/** Shows into `element`: its `output` takes the median, its `polyline` the curve. */
export class Latency {
  #samples = [];
  #output;
  #line;

  constructor(element) {
    this.#output = element.querySelector('output');
    this.#line = element.querySelector('polyline');
  }

  add(ms) {
    this.#samples.push(ms);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  clear() {
    this.#samples.length = 0;
  }

  show() {
    const sorted = this.#samples.toSorted((a, b) => a - b);
    this.#output.value = sorted.length ? formatMs(sorted[sorted.length >> 1]) : '–';
    const tallest = Math.max(...this.#samples, CURVE_MS_MIN);
    const points = this.#samples.map((ms, at) => {
      const x = (at / (SAMPLES_MAX - 1)) * 100;
      return `${x.toFixed(1)},${(20 - (ms / tallest) * 18).toFixed(1)}`;
    });
    this.#line.setAttribute('points', points.join(' '));
  }
}

/** `1.8 ms`, `240 ms`, `6.2 s`, `3 min`: about three characters of number whatever the size. */
export function formatMs(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${ms.toFixed(0)} ms`;
  if (ms < 100_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${(ms / 60_000).toFixed(0)} min`;
}

const SAMPLES_MAX = 60;
/** The curve's height is at least this, so that noise around 1 ms does not look like weather. */
const CURVE_MS_MIN = 4;
