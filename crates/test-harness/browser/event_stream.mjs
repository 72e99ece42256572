/**
 * Reads event streams with the npm package `eventsource-parser`, for a test to compare.
 *
 * A line of standard input is a stream as JSON, a list of pieces that are lists of bytes. The line
 * of output that answers it lists what was received: `[event, data, id]`, where `id` is null for an
 * event without an id, or `{"retry": milliseconds}`.
 */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// Modules are not looked up in NODE_PATH, what `require` loads is.
const { createParser } = createRequire(import.meta.url)('eventsource-parser');

for await (const line of createInterface({ input: process.stdin })) {
  const received = [];
  const parser = createParser({
    onEvent: ({ event, data, id }) => received.push([event ?? 'message', data, id ?? null]),
    onRetry: (milliseconds) => received.push({ retry: milliseconds }),
  });
  const decoder = new TextDecoder();
  for (const piece of JSON.parse(line)) {
    parser.feed(decoder.decode(Uint8Array.from(piece), { stream: true }));
  }
  console.log(JSON.stringify(received));
}
