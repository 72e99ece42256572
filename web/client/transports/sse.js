/** Server-Sent Events by `fetch`: a request can have a token in its header and any number of channels in its body. */
import { TidewireError } from '../errors.js';

/** @type {import('../link.js').Wire} */
export const sse = {
  name: 'sse',
  open(session) {
    const abort = new AbortController();
    follow(session, abort.signal).catch(session.lost);
    return { close: () => abort.abort() };
  },
};

async function follow(session, signal) {
  const { server, channels, since, who } = session;
  const body = { channels, since, ...who, format: 'json', heartbeat: 'event' };
  const response = await server.request('events', { body, signal });
  let isOpen = false;
  let id;
  let end;

  /** The stream does not say how far it has to go. */
  const askHead = async () => {
    const page = await server.ask('poll', { body: { channels, since: 'now', wait: '0s' }, signal });
    session.newest(page.position);
  };

  const handle = (frame) => {
    const { type, position, heartbeat_ms: heartbeatMs } = frame;
    if (type === 'connection') id = frame.id;
    else if (type === 'expiring') server.renew(() => server.request(`connections/${id}/token`, { method: 'POST', signal }));
    else if (type === 'position' && !isOpen) {
      isOpen = true;
      session.opened({ position, heartbeatMs });
      if (since !== 'now') askHead().catch(() => {});
    } else if (type === 'goodbye' || type === 'error') {
      session.frame(frame);
      end = frame;
    } else session.frame({ ...frame, type: type ?? 'message' });
  };

  await readLines(response.body, session.received, (line) => {
    // JSON has no line breaks, so each event has one line of data.
    if (line.startsWith('data:')) handle(JSON.parse(line.slice(5)));
  });
  if (end?.code === 'expired' || end?.code === 'unauthorized') server.forgetToken();
  throw new TidewireError(end?.message ?? 'The event stream has ended', { code: 'ended', retryMs: end?.retry_ms });
}

async function readLines(body, onchunk, online) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    let chunk;
    try {
      chunk = await reader.read();
    } catch (cause) {
      throw new TidewireError('The event stream was cut off', { cause });
    }
    if (chunk.done) return;
    onchunk();
    const lines = (rest + decoder.decode(chunk.value, { stream: true })).split('\n');
    rest = lines.pop();
    lines.forEach(online);
  }
}
