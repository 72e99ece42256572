/** What the adapters of frameworks have in common: values for a view, each a new object, from what Tidewire delivers. */

/**
 * Calls `set` with the newest `max` messages and gap notices, at first with none. Returns a function that ends it.
 *
 * @param {import('./full.js').Tide} tide
 * @param {string | string[]} channels
 * @param {{ since?: string, max?: number }} options
 * @param {(seen: { messages: object[], gaps: object[], error?: Error }) => void} set
 */
export function followChannel(tide, channels, { since, max = 100 } = {}, set) {
  let seen = { messages: [], gaps: [] };
  const add = (name) => (value) => set((seen = { ...seen, [name]: [...seen[name], value].slice(-max) }));
  set(seen);
  const subscription = tide.subscribe(channels, {
    since,
    onmessage: add('messages'),
    ongap: add('gaps'),
    onerror: (error) => set((seen = { ...seen, error })),
  });
  return () => subscription.close();
}

/**
 * Calls `set` with copies of `live`, one for all changes that come together. Returns a function that ends it and `live`.
 *
 * @param {import('./live.js').Live<any>} live
 * @param {(seen: { map: Map<string, any>, isReady: boolean, error?: Error }) => void} set
 */
export function followLive(live, set) {
  let isDue = false;
  const report = () => {
    if (isDue) set({ map: new Map(live), isReady: live.isReady, error: live.error });
    isDue = false;
  };
  const update = () => {
    if (!isDue) queueMicrotask(report);
    isDue = true;
  };
  const stops = ['change', 'state'].map((name) => live.on(name, update));
  live.ready.catch(() => {});
  update();
  return () => {
    stops.forEach((stop) => stop());
    isDue = false;
    live.close();
  };
}

/** What there is before anything has come. */
export const NO_MESSAGES = { messages: [], gaps: [] };
export const NO_STATE = { map: new Map(), isReady: false };
