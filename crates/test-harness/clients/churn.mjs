/**
 * What a long life of a page or a program does to `web/client/`: subscriptions that come and go, and connections that break.
 * Nothing of it may be left. Runs in Node.js (`heap.mjs`) and in a page.
 */

/** Resolves when everything has happened and the client is closed. */
export async function churn({ connect, url, subscribes, reconnects }) {
  let socket;
  class Watched extends WebSocket {
    constructor(...values) {
      super(...values);
      socket = this;
    }
  }
  let onlive = () => {};
  const tide = connect(url, {
    WebSocket: Watched,
    wires: ['websocket'],
    tabs: false,
    // No delay before another attempt.
    random: () => 0,
    onstate: ({ name }) => name === 'live' && onlive(),
  });
  const live = () => new Promise((resolve) => (onlive = resolve));
  const abort = new AbortController();
  const options = { onmessage() {}, gaps: 'ignore' };
  const first = live();
  tide.subscribe('kept', options);
  await first;
  for (let number = 0; number < subscribes; number += 1) {
    const channels = [`came.${number % 50}`, 'kept'];
    // A signal lives longer than what it ends.
    const { signal } = number % 2 ? abort : {};
    const subscription = number % 3 ? tide.subscribe(channels, { ...options, signal }) : tide.subscribe(channels, { signal });
    if (number % 3 === 0) subscription.next().catch(() => {});
    // Some of them come to be known to the server.
    if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve));
    subscription.close();
  }
  // What the client has to say of the last of them is said before the socket closes under it.
  await new Promise((resolve) => setTimeout(resolve));
  for (let number = 0; number < reconnects; number += 1) {
    const back = live();
    socket.close();
    await back;
  }
  tide.close();
}
