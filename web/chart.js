/**
 * The last minute as strokes from the log to each wire, in the manner of a graphic timetable: a
 * stroke begins where a message was published and ends where it arrived, so one that had to wait
 * leans. Drawn on a canvas, because a burst is hundreds of strokes.
 */

/** Draws into `figure`; its `[data-ink]` elements carry the colours of log and wires. */
export class Chart {
  #canvas;
  #context;
  #inks;
  #timeline;
  #passages = { sse: [], ws: [] };
  #newestMs = -Infinity;
  #timer;
  #colours = {};

  constructor(figure, timeline) {
    this.#canvas = figure.querySelector('canvas');
    this.#context = this.#canvas.getContext('2d');
    this.#inks = figure.querySelectorAll('[data-ink]');
    this.#timeline = timeline;
    new ResizeObserver(() => this.#fit()).observe(this.#canvas);
    for (const type of ['published', 'arrived']) timeline.addEventListener(type, () => this.touch());
    addEventListener('themechange', () => this.#readInks());
    document.addEventListener('visibilitychange', () => this.touch());
    this.#readInks();
  }

  /** Notes that `wire` is in `state` from now on. */
  enter(wire, state) {
    const passages = this.#passages[wire];
    passages.push({ ms: performance.now(), live: state === 'live' || state === 'catching up' });
    if (passages.length > PASSAGES_MAX) passages.shift();
    this.touch();
  }

  /** Something happened: keep drawing until it has left the window. */
  touch() {
    this.#newestMs = performance.now();
    this.#schedule();
  }

  #schedule() {
    if (this.#timer || document.hidden) return;
    const draw = () => {
      this.#timer = undefined;
      this.#draw();
      if (performance.now() - this.#newestMs < WINDOW_MS + STILL_FRAME_MS) this.#schedule();
    };
    this.#timer = setTimeout(draw, STILL.matches ? STILL_FRAME_MS : FRAME_MS);
  }

  #readInks() {
    for (const ink of this.#inks) this.#colours[ink.dataset.ink] = getComputedStyle(ink).color;
    this.touch();
  }

  #fit() {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#canvas.width = clientWidth * devicePixelRatio;
    this.#canvas.height = clientHeight * devicePixelRatio;
    this.#context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const nowMs = performance.now();
    const place = (ms) => width * (1 - (nowMs - ms) / WINDOW_MS);
    const heights = { sse: LANE_INSET_PX, log: height / 2, ws: height - LANE_INSET_PX };
    this.#context.clearRect(0, 0, width, height);
    this.#rule(this.#colours.log, 0, width, heights.log, SOLID);
    for (const wire of ['sse', 'ws']) {
      this.#lane(wire, nowMs, place, heights[wire]);
      this.#strokes(wire, nowMs, place, heights);
    }
  }

  /** One wire's line: whole while it was live, dotted while it was not. */
  #lane(wire, nowMs, place, y) {
    const passages = this.#passages[wire];
    passages.forEach(({ ms, live }, at) => {
      const endMs = passages[at + 1]?.ms ?? nowMs;
      this.#rule(this.#colours[wire], place(ms), place(endMs), y, live ? SOLID : DOTTED);
    });
  }

  #rule(colour, left, right, y, dash) {
    const context = this.#context;
    context.globalAlpha = 1;
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(Math.max(left, 0), y);
    context.lineTo(right, y);
    context.stroke();
    context.setLineDash(SOLID);
  }

  #strokes(wire, nowMs, place, heights) {
    const context = this.#context;
    const tips = new Path2D();
    const strokes = new Path2D();
    for (const { loggedMs, arrivals } of this.#timeline.entries()) {
      const arrival = arrivals.get(wire);
      if (!arrival || nowMs - arrival.ms > WINDOW_MS) continue;
      const x = place(arrival.ms);
      strokes.moveTo(place(loggedMs), heights.log);
      strokes.lineTo(x, heights[wire]);
      tips.rect(x - TIP_PX / 2, heights[wire] - TIP_PX / 2, TIP_PX, TIP_PX);
    }
    context.strokeStyle = context.fillStyle = this.#colours[wire];
    context.lineWidth = 1;
    context.globalAlpha = 0.55;
    context.stroke(strokes);
    context.globalAlpha = 1;
    context.fill(tips);
  }
}

const WINDOW_MS = 60_000;
const PASSAGES_MAX = 200;
const LANE_INSET_PX = 9;
const TIP_PX = 5;
const SOLID = [];
const DOTTED = [1.5, 5];
/** A pixel or so a frame; more frames would cost the latency they show. */
const FRAME_MS = 50;
/** With less motion asked for, the chart moves on in steps of a second. */
const STILL_FRAME_MS = 1_000;
const STILL = matchMedia('(prefers-reduced-motion: reduce)');
