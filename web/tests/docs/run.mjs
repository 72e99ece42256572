// Runs what the documentation shows: each block with the comment `<!-- run: by web/tests/docs/NAME.mjs -->` before it.
//
// NAME.mjs exports `page`, the page it belongs to, and a function that takes the blocks in their order and uses them. A block
// that nobody takes is an error. The end-to-end test `the_recipes_run` starts this, with the server in TIDEWIRE_BIN.
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { Documents } from './blocks.mjs';
import { Surroundings } from './surroundings.mjs';

const folder = new URL('.', import.meta.url);
const root = new URL('../../../', folder);
const HELPERS = ['run.mjs', 'blocks.mjs', 'surroundings.mjs'];
const names = readdirSync(folder).filter((name) => name.endsWith('.mjs') && !HELPERS.includes(name));
const documents = new Documents((path) => readFileSync(new URL(path, root), 'utf8'));
const chosen = process.argv.slice(2);
const tests = names.filter((name) => !chosen.length || chosen.some((part) => name.includes(part)));
if (!tests.length) throw new Error(`no program here is called ${chosen.join(' or ')}`);
let passed = 0;
// Before the end-to-end test kills it, which it could not answer by ending what it has started.
setTimeout(() => process.exit(1), 170_000).unref();

await test('what the documentation shows', { concurrency: 3 }, async (all) => {
  const surroundings = new Surroundings(root);
  try {
    await Promise.all(tests.map((name) => all.test(name, { timeout: 60_000 }, () => runOne(name, surroundings).then(() => (passed += 1)))));
  } finally {
    await surroundings.close();
  }
});

// Some of the programs never end by themselves, which would keep this one alive. The time is for the runner's last lines.
setTimeout(() => process.exit(passed && passed === tests.length ? 0 : 1), 500).unref();

async function runOne(name, surroundings) {
  const { page, default: use } = await import(new URL(name, folder));
  const blocks = documents.blocksOf(page, `web/tests/docs/${name}`);
  const helper = surroundings.helper();
  let taken = 0;
  try {
    await use({
      ...helper,
      block() {
        if (taken === blocks.length) throw new Error(`${page} has only ${taken} blocks for ${name}`);
        return blocks[taken++];
      },
    });
  } finally {
    await helper.end();
  }
  if (taken < blocks.length) throw new Error(`${page}: ${name} takes ${taken} of ${blocks.length} blocks`);
}
