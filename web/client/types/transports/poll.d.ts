/** @type {import('../link.js').Wire} */
export declare const poll: import('../link.js').Wire;
