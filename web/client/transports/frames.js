/** The frames of `tidewire.v1`, over anything that carries texts: a WebSocket, or another tab. */
import { refusal } from '../errors.js';

/**
 * Speaks for `session` what `send` takes. Pass each received frame to `handle`, and the end of the connection to `end`.
 *
 * @param {import('../link.js').Session} session
 * @param {(frame: object) => void} send
 */
export function frames({ server, received, opened, frame: pass }, send) {
  /** What waits for an answer, by its id. */
  const pending = new Map();
  let id = 0;
  let welcome;

  /** Sends a request, and resolves to its answer. */
  const request = (frame) =>
    new Promise((...settle) => {
      pending.set((id += 1), settle);
      send({ ...frame, id });
    });

  return {
    request,
    handle(frame) {
      const { type } = frame;
      const asked = pending.get(frame.id);
      pending.delete(frame.id);
      received();
      if (asked) {
        if (type === 'error') asked[1](refusal(frame));
        else asked[0](frame);
      } else if (type === 'welcome') welcome = frame;
      else if (type === 'expiring') server.renew((token) => request({ type: 'token', token }));
      else if (type === 'position' && welcome) {
        const { heartbeat_ms: heartbeatMs, position: head, since } = welcome;
        welcome = undefined;
        opened({ position: frame.position, heartbeatMs, head, since });
      } else pass(frame);
    },
    end(error) {
      for (const [, reject] of pending.values()) reject(error);
      pending.clear();
    },
  };
}
