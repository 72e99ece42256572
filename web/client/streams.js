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
  const isStream = ({ wire }) => /sse|poll/.test(wire);
  const isOld = () =>
    performance.getEntries().some(({ name, nextHopProtocol }) => nextHopProtocol === 'http/1.1' && name.startsWith(origin));
  let others = 0;
  bus.onmessage = ({ data }) => {
    if (data === 'here') others += 1;
    else if (isStream(tide.state) && tide.state.name !== 'offline') bus.postMessage('here');
  };
  tide.on('state', (state) => {
    if (state.name !== 'offline' || !isStream(state)) return;
    others = 0;
    bus.postMessage('who');
    setTimeout(() => {
      const warning = others < STREAMS_MAX || !isOld() ? undefined : WARNING;
      if (warning === tide.warning) return;
      tide.warning = warning;
      tide.emit('state', tide.state);
      if (warning) console.warn(`Tidewire: ${warning}`);
    }, ANSWER_MS);
  });
  tide.on('close', () => bus.close());
}

const STREAMS_MAX = 5;
const ANSWER_MS = 200;
const WARNING = 'Six tabs have streams over HTTP/1.1, and a browser opens no more. Serve over https, or close tabs.';
