/** What a page of a browser knows: it comes back, or its network does. That is a reason to look at once. */

const EVENTS = ['online', 'offline', 'pageshow', 'visibilitychange'];

/**
 * @param {import('./tide.js').Tide} tide
 * @param {any} [window]
 */
export function watchPage(tide, window = globalThis) {
  if (!window.addEventListener) return;
  const wake = ({ type }) => {
    if (type === 'offline' || window.document?.visibilityState !== 'hidden') tide.wake(type);
  };
  for (const event of EVENTS) window.addEventListener(event, wake, true);
  tide.on('close', () => {
    for (const event of EVENTS) window.removeEventListener(event, wake, true);
  });
}
