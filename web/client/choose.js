/**
 * Which wire to use, if there are several: the best that has not failed. One that has failed where another one has not is
 * avoided for a while, which grows each time.
 */

/**
 * @param {import('./link.js').Wire[]} wires The best first.
 * @param {{ now: () => number }} io
 * @returns {import('./link.js').Choice}
 */
export function choose(wires, { now }) {
  /** Those that have failed since the last connection. */
  const failed = new Set();
  /** Until when a wire is not tried, and how often that was so. */
  const avoided = new Map();
  const untilMs = (wire) => avoided.get(wire)?.untilMs ?? 0;
  return {
    isMany: wires.length > 1,
    next() {
      const left = wires.filter((wire) => !failed.has(wire));
      return left.find((wire) => untilMs(wire) <= now()) ?? left[0];
    },
    failed(wire) {
      failed.add(wire);
      if (failed.size < wires.length) return true;
      // It is not the wires.
      failed.clear();
    },
    opened() {
      for (const wire of failed) {
        const times = (avoided.get(wire)?.times ?? 0) + 1;
        avoided.set(wire, { times, untilMs: now() + Math.min(AVOID_MS_MAX, AVOID_MS * 2 ** times) });
      }
      failed.clear();
    },
    steady(wire) {
      avoided.delete(wire);
      const better = wires.slice(0, wires.indexOf(wire)).map(untilMs).filter(Boolean);
      return better.length ? Math.max(0, Math.min(...better) - now()) : undefined;
    },
  };
}

const AVOID_MS = 60_000;
const AVOID_MS_MAX = 600_000;
