/** The programs for Deno, which Node runs here, and for a worker in a browser. */
export const page = 'docs/recipes/deno.md';

export default async function ({ block, server, load, open, until }) {
  const { url, publish } = await server();
  const lines = [];
  // It never ends, so nobody waits for it.
  load(block().replace('npm:tidewire', 'tidewire'), url, { console: { log: (...words) => lines.push(words.join(' ')) } });
  await until(() => lines.includes('chat.room1 hello from Deno'));

  const source = JSON.stringify(block());
  const view = await open(
    `<!doctype html><link rel="icon" href="data:,"><script type="module">
      const source = new Blob([${source}], { type: 'text/javascript' });
      const worker = new Worker(URL.createObjectURL(source), { type: 'module' });
      worker.onmessage = ({ data }) => document.body.append(data);
    </script>`,
    url,
  );
  await publish('chat.room1', 'hello to a worker');
  await view.getByText('hello to a worker').waitFor();
}
