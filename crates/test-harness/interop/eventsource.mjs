// The npm package `eventsource`, version 4.
import { EventSource } from 'eventsource';

const { URL: url, TOKEN: token } = process.env;
const authorization = { Authorization: `Bearer ${token}` };

// It ignores an `id` without data. With `heartbeat=event` it has one from the beginning.
const source = new EventSource(`${url}/events?channel=interop&heartbeat=event`, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...authorization } }),
});
source.onmessage = ({ data }) => {
  console.log(data);
  if (data === 'who is there?') publish('hello from eventsource');
};
source.addEventListener('$gap', () => console.log('gap'));
source.onerror = ({ message }) => console.error(message);

function publish(body) {
  fetch(`${url}/publish/interop`, { method: 'POST', headers: authorization, body });
}
