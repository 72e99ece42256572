/**
 * Measures what `churn.mjs` leaves in the heap of Node.js: `node --expose-gc heap.mjs FOLDER URL SUBSCRIBES RECONNECTS` prints
 * the bytes in use before and after as JSON. What is only done once, such as compiling, happens before.
 */
import { pathToFileURL } from 'node:url';
import { churn } from './churn.mjs';

const [folder, url, subscribes, reconnects] = process.argv.slice(2);
const { connect } = await import(new URL('tidewire.js', pathToFileURL(`${folder}/`)));

/** Collects garbage until nothing more is found: some of it waits for timers and sockets. */
const bytes = async () => {
  for (let round = 0; round < 5; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
  }
  return process.memoryUsage().heapUsed;
};

const scale = (share) => ({
  subscribes: Math.ceil(Number(subscribes) * share),
  reconnects: Math.ceil(Number(reconnects) * share),
});
await churn({ connect, url, ...scale(0.1) });
const before = await bytes();
await churn({ connect, url, ...scale(1) });
const after = await bytes();
console.log(JSON.stringify({ before, after }));
