/** @type {import('../link.js').Wire} */
export declare const sse: import('../link.js').Wire;
