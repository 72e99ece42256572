/** The frames of `tidewire.v1`, over anything that carries texts: a WebSocket, or another tab. */
import { TidewireError } from '../errors.js';

/**
 * Speaks for `session` what `send` takes. Pass each received frame to `handle`, and the end of the connection to `end`.
 *
 * @param {import('../link.js').Session} session
 * @param {(frame: object) => void} send
 */
export function frames(session, send) {
  const { server } = session;
  /** What waits for an answer, by its id. */
  const pending = new Map();
  let id = 0;
  let welcome;

  /** Sends a request, and resolves to its answer. */
  const request = (frame) =>
    new Promise((resolve, reject) => {
      pending.set((id += 1), { resolve, reject });
      send({ ...frame, id });
    });

  const renew = async () => {
    const token = await server.newerToken();
    if (token) await request({ type: 'token', token });
  };

  const handle = (frame) => {
    session.received();
    const asked = pending.get(frame.id);
    pending.delete(frame.id);
    if (asked && frame.type === 'error') asked.reject(refusal(frame));
    else if (asked) asked.resolve(frame);
    else if (frame.type === 'welcome') welcome = frame;
    // If it fails, the connection goes on until the older token expires.
    else if (frame.type === 'expiring') renew().catch(() => {});
    else if (frame.type === 'position' && welcome) {
      const { heartbeat_ms: heartbeatMs, position: head, since } = welcome;
      welcome = undefined;
      session.opened({ position: frame.position, heartbeatMs, head, since });
    } else session.frame(frame);
  };

  const end = (error) => {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  return { request, handle, end };
}

const refusal = ({ code, message, retry_ms: retryMs }) =>
  new TidewireError(message, { code, retryMs, isFinal: retryMs === undefined });
