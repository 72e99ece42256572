/** The client under its short address, `/assets/tidewire.js`. */
export * from './client/tidewire.js';
