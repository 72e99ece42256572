// The peer uws: uWebSockets.js, whose topics are C++. This script runs once for each publish, not for each delivery.
//
// Set for fairness: its own publish and subscribe, which put a message into a frame once; no compression, as nobody
// here compresses; no timeout, so that it sends no pings; room for 16 MiB of a slow reader, as beyond 64 KiB, its
// default, it drops messages. A topic gathers up to 32 messages for each subscriber, and sends them corked, by one call,
// unless the cork is taken: in a message handler the publisher has it. So what handlers bring is published
// right after them, where the cork is free; published in the handler, it coalesces nothing once it is behind.
'use strict';

const uws = require('uwebsockets');

const subscriber = {
  compression: uws.DISABLED,
  idleTimeout: 0,
  maxBackpressure: 16 << 20,
  open: (socket) => socket.subscribe('fan'),
};

let brought = [];
const publisher = {
  compression: uws.DISABLED,
  idleTimeout: 0,
  message: (_, message) => {
    if (brought.length === 0) setImmediate(publish);
    // The message is the library's again once the handler has returned.
    brought.push(message.slice(0));
  },
};

const publish = () => {
  const messages = brought;
  brought = [];
  for (const message of messages) app.publish('fan', message, false);
};

const app = uws.App().ws('/ws', subscriber).ws('/publish', publisher);

app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) throw new Error('no port to listen on');
  console.log(`listening on http://127.0.0.1:${uws.us_socket_local_port(listening)}`);
});
