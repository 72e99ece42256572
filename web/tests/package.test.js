/** The npm package: its types are those of the modules, and it has what its page says and nothing else. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const web = fileURLToPath(new URL('..', import.meta.url));
const client = join(web, 'client');
const tsc = join(web, 'node_modules/.bin/tsc');

/** The files below `folder` with their texts. */
async function texts(folder) {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.d.ts')).sort();
  return Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')]));
}

test('the types are those of the modules: `npm run types` in web/ writes them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidewire-types-'));
  try {
    await run(tsc, ['--project', web, '--outDir', folder]);
    assert.deepEqual(await texts(join(client, 'types')), await texts(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a program in TypeScript gets the types that the documentation promises', async () => {
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,dom', '--types', ''];
  await run(tsc, [...flags, '--ignoreConfig', join(web, 'tests/types.ts')], { cwd: web }).catch(({ stdout }) => assert.fail(stdout));
});

test('the package has the modules, their types, the licences and the pages', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: client });
  const packed = JSON.parse(stdout)[0].files.map(({ path }) => path).sort();
  const wanted = (await readdir(client, { recursive: true })).filter((name) => /\.(js|d\.ts)$/.test(name));
  const pages = ['CHANGELOG.md', 'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'package.json'];
  assert.deepEqual(packed, [...wanted, ...pages].sort());
  const { exports } = JSON.parse(await readFile(join(client, 'package.json'), 'utf8'));
  const named = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry)));
  for (const path of named) assert.ok(packed.includes(path.slice(2)), `${path} is not in the package`);
});

test('the licences are those of the project', async () => {
  for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) {
    const [ours, theirs] = await Promise.all([join(client, name), join(web, '..', name)].map((path) => readFile(path, 'utf8')));
    assert.equal(ours, theirs, name);
  }
});
