/** Long-poll: what is left where a proxy lets neither WebSockets nor streams through. */
import { TidewireError } from '../errors.js';

/** @type {import('../link.js').Wire} */
export const poll = {
  name: 'poll',
  open(session) {
    const abort = new AbortController();
    follow(session, abort.signal).catch(session.lost);
    return { close: () => abort.abort() };
  },
};

async function follow(session, signal) {
  const { server, channels } = session;
  let { since } = session;
  let isOpen = false;
  // Until an answer without messages says that there are no more.
  let wait = '0s';
  for (;;) {
    const page = await server.ask('poll', { body: { channels, since, wait }, signal });
    const { messages, position, gaps = [], retry_ms: retryMs } = page;
    session.received();
    for (const gap of gaps) session.frame({ ...gap, type: 'gap' });
    for (const message of messages) session.frame({ ...message, type: 'message' });
    session.frame({ type: 'page', position });
    if (!isOpen) session.opened({ position, heartbeatMs: POLL_HEARTBEAT_MS });
    if (!messages.length && wait !== WAIT) session.newest(position);
    isOpen = true;
    since = position;
    if (!messages.length) wait = WAIT;
    if (retryMs !== undefined) throw new TidewireError('The server shuts down', { code: 'ended', retryMs });
  }
}

const WAIT = '10s';
/** An answer that takes two and a half times as long does not come. */
const POLL_HEARTBEAT_MS = 6_000;
