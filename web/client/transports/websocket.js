/** WebSocket with the subprotocol `tidewire.v1`: all channels in the handshake, as one ordered stream. */
import { TidewireError } from '../errors.js';
import { frames } from './frames.js';

/** @type {import('../link.js').Wire} */
export const websocket = {
  name: 'websocket',
  open(session) {
    const { server, io, channels, since, who, lost } = session;
    let isClosed = false;
    let socket;
    let retryMs;
    const { request, handle, end } = frames(session, (frame) => socket.send(JSON.stringify(frame)));
    const begin = async () => {
      // A browser can set no header here, and a token does not belong into a URL.
      const ticket = (await server.token()) && (await server.ask('tickets', { method: 'POST' })).ticket;
      if (isClosed) return;
      const url = server.url('ws', { channel: channels, since, user: who.user, info: JSON.stringify(who.info), ticket });
      url.protocol = url.protocol.replace('http', 'ws');
      socket = new io.WebSocket(url.href, 'tidewire.v1');
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.type === 'goodbye') retryMs = frame.retry_ms;
        handle(frame);
      };
      // The close that follows says more.
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => {
        if (TOKEN_IS_OVER.test(code)) server.forgetToken();
        const isFinal = !retryMs && FINAL.test(code);
        const error = new TidewireError(`Closed with code ${code} ${reason}`, { code: 'closed', status: code, retryMs, isFinal });
        end(error);
        lost(error);
      };
    };
    begin().catch(lost);
    return {
      request,
      close() {
        isClosed = true;
        end(new TidewireError('Closed before the answer'));
        if (!socket) return;
        socket.onmessage = socket.onclose = null;
        socket.close();
      },
    };
  },
};

const FINAL = /100[023789]|4[5-9]../;
/** The token has expired, or its key is in force no more. */
const TOKEN_IS_OVER = /400[24]|4501/;
