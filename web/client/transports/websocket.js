/** WebSocket with the subprotocol `tidewire.v1`: all channels in the handshake, as one ordered stream. */
import { TidewireError } from '../errors.js';
import { frames } from './frames.js';

/** @type {import('../link.js').Wire} */
export const websocket = {
  name: 'websocket',
  isPossible: ({ WebSocket }) => Boolean(WebSocket),
  open(session) {
    const { server, io, channels, since, who } = session;
    let isClosed = false;
    let socket;
    let goodbye;
    const speaker = frames(session, (frame) => socket.send(JSON.stringify(frame)));
    const lost = (error) => {
      speaker.end(error);
      session.lost(error);
    };
    const begin = async () => {
      // A browser can set no header here, and a token does not belong into a URL.
      const ticket = (await server.token()) && (await server.ask('tickets', { method: 'POST' })).ticket;
      if (isClosed) return;
      const info = who.info === undefined ? undefined : JSON.stringify(who.info);
      const url = server.url('ws', { channel: channels, since, user: who.user, info, ticket });
      url.protocol = url.protocol.replace('http', 'ws');
      socket = new io.WebSocket(url.href, 'tidewire.v1');
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.type === 'goodbye') goodbye = frame;
        speaker.handle(frame);
      };
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => {
        if (TOKEN_IS_OVER.includes(code)) server.forgetToken();
        lost(closed(code, reason, goodbye));
      };
    };
    begin().catch(lost);
    return {
      request: speaker.request,
      close() {
        isClosed = true;
        speaker.end(new TidewireError('The connection was closed before the answer'));
        if (!socket) return;
        socket.onmessage = socket.onclose = null;
        socket.close();
      },
    };
  },
};

/** What a close code means, by docs/errors.md. */
function closed(code, reason, goodbye) {
  const retryMs = goodbye?.retry_ms;
  return new TidewireError(`The WebSocket was closed with code ${code}${reason && `: ${reason}`}`, {
    code: 'closed',
    status: code,
    retryMs,
    isFinal: retryMs === undefined && (FINAL.includes(code) || (code >= 4500 && code <= 4999)),
  });
}

const FINAL = [1000, 1002, 1003, 1007, 1008, 1009];
/** The token has expired, or its key is in force no more. */
const TOKEN_IS_OVER = [4002, 4004, 4501];
