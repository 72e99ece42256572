/** The same things from a terminal or a script: lines to copy, made for the channel on show. */

/**
 * Fills the snippets in `section` for a `channel` to follow and a `target` to publish to; where the page has a token,
 * with the place of one. What is no name or pattern changes nothing, so a line to copy holds nothing a shell would act on.
 */
export function showSnippets(section, { channel, target, hasToken }) {
  if (!CHANNEL_OR_PATTERN.test(channel)) return;
  const query = `channel=${channel.replace('>', '%3E')}`;
  for (const code of section.querySelectorAll('[data-snippet]')) {
    const snippets = hasToken ? { ...SNIPPETS, ...SNIPPETS_WITH_TOKEN } : SNIPPETS;
    code.textContent = snippets[code.dataset.snippet]({ channel, target, query });
  }
}

/** Makes the copy buttons in `section` work. */
export function enableCopying(section) {
  section.addEventListener('click', async ({ target }) => {
    const button = target.closest('[data-copy]');
    if (!button) return;
    const code = button.closest('figure').querySelector('code');
    const words = await copy(code);
    button.textContent = words;
    setTimeout(() => (button.textContent = 'Copy'), SHOWN_MS);
  });
}

/** Copies the text of `code`; where a page may not, selects it for the person to copy. */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return 'Copied';
  } catch {
    getSelection().selectAllChildren(code);
    return 'Selected';
  }
}

const base = new URL('.', document.baseURI).href;
const socketBase = base.replace('http', 'ws');

const SNIPPETS = {
  publish: ({ target }) => `curl -d 'hello' ${base}publish/${target}`,
  follow: ({ query }) => `curl -N '${base}events?${query}'`,
  eventSource: ({ query }) => `const source = new EventSource('${base}events?${query}');
source.onmessage = (event) => console.log(event.lastEventId, event.data);`,
  webSocket: ({ query }) => `const socket = new WebSocket('${socketBase}ws?${query}');
socket.onmessage = (event) => console.log(event.data);`,
  module: ({ channel }) => `import { connect } from '${base}assets/tidewire.js';

const tide = connect('${base}');
for await (const { position, data } of tide.subscribe('${channel}')) console.log(position, data);`,
};

/** A ticket stands for the token in the URL of one connection. */
const TICKET = `const headers = { Authorization: \`Bearer ${'$'}{token}\` };
const answer = await fetch('${base}tickets', { method: 'POST', headers });
const { ticket } = await answer.json();
`;

/** The token itself is not shown: what stands here ends up in shells' histories and in chats. */
const SNIPPETS_WITH_TOKEN = {
  publish: ({ target }) =>
    `curl -H "Authorization: Bearer $TOKEN" -d 'hello' ${base}publish/${target}`,
  follow: ({ query }) =>
    `curl -N -H "Authorization: Bearer $TOKEN" '${base}events?${query}'`,
  eventSource: ({ query }) => `${TICKET}const source = new EventSource(\`${base}events?${query}&ticket=${'$'}{ticket}\`);
source.onmessage = (event) => console.log(event.lastEventId, event.data);`,
  webSocket: ({ query }) => `${TICKET}const socket = new WebSocket(\`${socketBase}ws?${query}&ticket=${'$'}{ticket}\`);
socket.onmessage = (event) => console.log(event.data);`,
  module: ({ channel }) => `import { connect } from '${base}assets/tidewire.js';

const tide = connect('${base}', { token: () => fetchToken() }); // yours: gives a fresh token
for await (const { position, data } of tide.subscribe('${channel}')) console.log(position, data);`,
};

const CHANNEL_OR_PATTERN = /^(?:[\w~:@-]+|\*)(?:\.(?:[\w~:@-]+|\*))*(?:\.>)?$|^>$/;
const SHOWN_MS = 1_600;
