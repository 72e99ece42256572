/**
 * @param {string} name What tabs share that share a connection.
 * @param {import('./link.js').Choice} inner The wires of a tab that leads.
 * @param {any} io
 * @returns {import('./link.js').Choice}
 */
export declare const tabs: (name: string, inner: import('./link.js').Choice, { navigator, setInterval, clearInterval, setTimeout, clearTimeout, random, window, ...io }: any) => import('./link.js').Choice;
