// The recipe that follows logs: stored lines, new lines, and nothing of other channels.
export const page = 'docs/recipes/log-tail.md';

export default async function ({ block, server, open, until }) {
  const { url, publish } = await server();
  await publish('logs.web1.app', 'started');
  await publish('chat.room1', 'not a log');
  const log = await open(block(), url);
  const shows = (text) => until(async () => (await log.textContent('#log')) === text, text);
  await shows('logs.web1.app started\n');
  await publish('logs.web2.app', 'started, too');
  await shows('logs.web1.app started\nlogs.web2.app started, too\n');
}
