// Moving from Socket.IO: the code before the move where its packages are installed, and after it.
import { once } from 'node:events';

export const page = 'docs/moving/socketio.md';
/** Only the nightly run has these. Without them the blocks before the move are not run. */
const old = ['socket.io', 'socket.io-client'];

export default async function ({ block, server, load, until, has, onEnd }) {
  const lines = [];
  const given = { show: (text) => lines.push(text) };

  const [before, client] = [block(), block()];
  if (old.every(has)) {
    const { io } = await load(before.replace('3000', '0'), undefined);
    onEnd(() => io.close());
    if (!io.httpServer.listening) await once(io.httpServer, 'listening');
    const { socket, say } = await load(client.replace('3000', io.httpServer.address().port), undefined, given);
    onEnd(() => socket.close());
    if (!socket.connected) await once(socket, 'connect');
    await until(() => {
      say('from the old one');
      return lines.includes('from the old one');
    });
  }

  const { url } = await server();
  const { tide, say } = await load(block(), url, given);
  onEnd(() => tide.close());
  const { publish } = await load(block(), url);
  await until(() => tide.state.name === 'live');
  await say('from the page');
  await publish('chat.room1', 'said', { text: 'from the server' });
  await until(() => lines.includes('from the page') && lines.includes('from the server'));
}
