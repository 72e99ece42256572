/** @type {import('../link.js').Wire} */
export declare const websocket: import('../link.js').Wire;
