/** A document for the libraries of user interfaces. Import it before them. */
import { Window } from 'happy-dom';

const window = new Window({ url: 'http://localhost/' });
for (const name of ['window', 'navigator', 'document', 'Node', 'Element', 'HTMLElement', 'HTMLIFrameElement', 'SVGElement', 'Text', 'Comment', 'Event', 'MutationObserver']) {
  globalThis[name] ??= name === 'window' ? window : window[name];
}

/** A fresh element in the document. */
export function mountPoint() {
  const element = document.createElement('div');
  document.body.append(element);
  return element;
}
