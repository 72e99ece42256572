// The npm package `ws`, with `tidewire.v1`.
import WebSocket from 'ws';

const url = process.env.URL.replace('http', 'ws');
const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
let position;

function connect() {
  const socket = new WebSocket(`${url}/ws`, 'tidewire.v1', { headers });
  const send = (request) => socket.send(JSON.stringify(request));
  socket.on('open', () => send({ type: 'subscribe', id: 1, channel: 'interop', since: position ?? 'now' }));
  socket.on('message', (text) => {
    const { type, data, ...frame } = JSON.parse(text);
    // Other frames have a position too, which says nothing about the subscription.
    if (['subscribed', 'message', 'position'].includes(type)) position = frame.position;
    if (type === 'gap') console.log('gap');
    if (type === 'message') console.log(data);
    if (data === 'who is there?') send({ type: 'publish', id: 2, channel: 'interop', data: 'hello from ws' });
  });
  socket.on('error', (error) => console.error(String(error)));
  socket.on('close', () => setTimeout(connect, 200));
}
connect();
