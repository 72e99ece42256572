/**
 * Warns before a browser has no connection left. Over HTTP/1.1 it opens six to a host, for all of its tabs together, and the
 * seventh request waits without a word. Tabs that cannot share a connection ask each other how many streams there are.
 */

/**
 * @param {import('./tide.js').Tide} tide
 * @param {string} origin The server's.
 * @param {any} io
 */
export function countStreams(tide, origin, { BroadcastChannel, performance, setTimeout, console }) {
  const bus = new BroadcastChannel(`tidewire streams ${origin}`);
  const isStream = ({ wire }) => wire === 'sse' || wire === 'poll';
  const isOld = () => {
    const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    return entries.some(({ name, nextHopProtocol }) => name.startsWith(origin) && nextHopProtocol === 'http/1.1');
  };
  let others = 0;
  bus.onmessage = ({ data }) => {
    if (data === 'here') others += 1;
    else if (isStream(tide.state) && tide.state.name !== 'offline') bus.postMessage('here');
  };
  const stop = tide.on('state', (state) => {
    if (state.name !== 'offline' || !isStream(state)) return;
    others = 0;
    bus.postMessage('who');
    setTimeout(() => {
      if (others < STREAMS_MAX || !isOld()) return;
      stop();
      tide.warning = WARNING;
      console.warn(`Tidewire: ${WARNING}`);
    }, ANSWER_MS);
  });
  tide.on('close', () => bus.close());
}

const STREAMS_MAX = 5;
const ANSWER_MS = 200;
const WARNING = 'Six tabs have streams over HTTP/1.1, and a browser opens no more. Serve over https, or close tabs.';
