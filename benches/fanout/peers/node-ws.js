// The peer node-ws: the package ws, the usual choice in Node.js.
//
// Set for fairness: a broadcast puts a message into a frame once, by ws's own Sender, and writes the same bytes to each
// socket. That is what its authors advise for broadcasts; `socket.send` for each would cost more. No
// compression, and no second check of text that the publisher's frame has had.
'use strict';

const { createServer } = require('node:http');
const { Sender, WebSocket, WebSocketServer } = require('ws');

const subscribers = new Set();
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, skipUTF8Validation: true });
const text = { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true };

sockets.on('connection', (socket, request) => {
  if (request.url.startsWith('/publish')) {
    socket.on('message', (message) => {
      const frame = Buffer.concat(Sender.frame(message, text));
      for (const subscriber of subscribers) {
        if (subscriber.readyState === WebSocket.OPEN) subscriber._socket.write(frame);
      }
    });
    return;
  }
  subscribers.add(socket);
  socket.on('close', () => subscribers.delete(socket));
});

server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
