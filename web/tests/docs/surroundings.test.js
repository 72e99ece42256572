/** What the programs of the documentation start ends with them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

const surroundings = new URL('surroundings.mjs', import.meta.url);
const PROGRAM = `
  import { Surroundings } from '${surroundings}';
  const { url } = await new Surroundings(new URL('../../../', '${surroundings}')).helper().server();
  console.log(url);
  setInterval(() => {}, 1_000);
`;

test('a server does not survive the program that has started it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidewire-docs-'));
  const server = join(folder, 'server');
  // It says its process where the server says its address.
  writeFileSync(server, '#!/bin/sh\necho "listening on $$"\nexec sleep 60 >&-\n', { mode: 0o755 });
  try {
    const env = { ...process.env, TIDEWIRE_BIN: server };
    const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const id = Number(await new Promise((done) => createInterface({ input: child.stdout }).once('line', done)));
    assert.ok(process.kill(id, 0));
    child.kill('SIGTERM');
    await new Promise((done) => child.once('exit', done));
    for (let turn = 0; turn < 100 && isAlive(id); turn += 1) await new Promise((done) => setTimeout(done, 20));
    assert.equal(isAlive(id), false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function isAlive(id) {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
}
