/**
 * Warns before a browser has no connection left. Over HTTP/1.1 it opens six to a host, for all of its tabs together, and the
 * seventh request waits without a word. Tabs that cannot share a connection ask each other how many streams there are.
 */
/**
 * @param {import('./tide.js').Tide} tide
 * @param {string} origin The server's.
 * @param {any} io
 */
export declare function countStreams(tide: import('./tide.js').Tide, origin: string, { BroadcastChannel, performance, setTimeout, console }: any): void;
