/** What a page of a browser knows: it comes back, or its network does. That is a reason to look at once. */
/**
 * @param {import('./tide.js').Tide} tide
 * @param {any} [window]
 */
export declare function watchPage(tide: import('./tide.js').Tide, window?: any): void;
