// Moving from EventSource: the code before the move, and after each step of it.
import { once } from 'node:events';

export const page = 'docs/moving/eventsource.md';

export default async function ({ block, server, open, load, until, onEnd }) {
  const { url, publish } = await server();
  const shows = (one, text) => until(async () => (await one.textContent('body')).includes(text), `the page shows ${text}`);

  const before = await load(block().replace('3000', '0'), url);
  await once(before.server, 'listening');
  onEnd(() => before.server.close());
  const old = await open(block().replace('3000', before.server.address().port), url);
  await until(() => {
    before.say('old');
    return old.textContent('body').then((text) => text.includes('old'));
  });

  const { say } = await load(block(), url);
  const pages = [await open(block(), url), await open(block(), url)];
  await until(async () => {
    await publish('chat.room1', { text: 'are you there? ' }, { event: 'said' });
    const texts = await Promise.all(pages.map((one) => one.textContent('body')));
    return texts.every((text) => text.includes('are you there?'));
  });
  await say('new');
  for (const one of pages) await shows(one, 'new');
}
