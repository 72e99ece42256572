// The npm package `eventsource`, version 2, which takes headers.
import EventSource from 'eventsource-2';

const { URL: url, TOKEN: token } = process.env;
const authorization = { Authorization: `Bearer ${token}` };
let position;

// By itself it counts an event as soon as it has read the `id`, although the data may not come any more. So this program keeps
// the position of whole events, and opens another one after a loss.
function open() {
  const headers = position ? { ...authorization, 'Last-Event-ID': position } : authorization;
  const source = new EventSource(`${url}/events?channel=interop&heartbeat=event`, { headers });
  source.onmessage = ({ data, lastEventId }) => {
    position = lastEventId;
    console.log(data);
    if (data === 'who is there?') publish('hello from eventsource-2');
  };
  source.addEventListener('$position', ({ lastEventId }) => (position = lastEventId));
  source.addEventListener('$gap', () => console.log('gap'));
  source.onerror = ({ message }) => {
    console.error(message);
    source.close();
    setTimeout(open, 200);
  };
}
open();

function publish(body) {
  fetch(`${url}/publish/interop`, { method: 'POST', headers: authorization, body });
}
