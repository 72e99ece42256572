/** The recipe for Node: each program as it stands, in a process of its own, one after the other on one server. */
import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { settingsOf } from '../bundle.mjs';

export const page = 'docs/recipes/node.md';

const client = fileURLToPath(new URL('../../client', import.meta.url));

export default async function ({ block, server, until, onEnd }) {
  const { url, publish } = await server({ settings: await settingsOf(page) });
  const folder = await mkdtemp(join(tmpdir(), 'tidewire-docs-'));
  onEnd(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'node_modules'));
  await symlink(client, join(folder, 'node_modules/tidewire'));

  /** Runs the program `text`. It has printed the words once `until` resolves. */
  const run = async (text) => {
    await writeFile(join(folder, 'program.mjs'), text.replaceAll('http://127.0.0.1:8080', url));
    const child = spawn(process.execPath, ['program.mjs'], { cwd: folder });
    onEnd(() => child.kill('SIGKILL'));
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said += part));
    const ended = new Promise((resolve) => child.on('exit', resolve));
    return { child, ended, says: (words) => until(() => said.includes(words), `${words} in ${said}`) };
  };

  const follow = block();
  await publish('orders.old', { id: 0 });
  const first = await run(follow);
  await first.says('orders.old { id: 0 }');
  first.child.kill('SIGKILL');
  await first.ended;

  const publishing = await run(block());
  const code = await publishing.ended;
  if (code !== 0) throw new Error(`the program that publishes ends with ${code}`);
  // It goes on after its position, with what was published meanwhile.
  await (await run(follow)).says('orders.new { id: 3 }');

  const sharing = await run(block());
  await sharing.says("backup { host: 'a1' }");
  await sharing.says('backup is done');
}
