/**
 * Which wire to use, if there are several: the best that has not failed. One that has failed where another one has not is
 * avoided for a while, which grows each time.
 */
/**
 * @param {import('./link.js').Wire[]} wires The best first.
 * @param {{ now: () => number }} io
 * @returns {import('./link.js').Choice}
 */
export declare function choose(wires: import('./link.js').Wire[], { now }: {
    now: () => number;
}): import('./link.js').Choice;
