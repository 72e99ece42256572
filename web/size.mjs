/** Bundles what a page loads with esbuild, minifies it with terser, compresses it, and fails if it is larger than it may be. */
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';

/** Each part with what it may have in bytes. The goal is 4,096 for the first and 8,192 for the second. */
const PARTS = [
  ['core with one wire', "export { connect, websocket } from './core.js'", 5_550],
  ['everything', "export * from './tidewire.js'", 10_550],
  ['tidewire/react', "export * from './react.js'", 1_024],
  ['tidewire/svelte', "export * from './svelte.js'", 1_024],
  ['tidewire/vue', "export * from './vue.js'", 1_024],
];

/** The bytes of a part, and what each of its modules adds to the bundle before it is minified. */
async function measure(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: new URL('client', import.meta.url).pathname },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['react', 'svelte', 'svelte/*', 'vue'],
    write: false,
    metafile: true,
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const modules = Object.entries(inputs).map(([name, { bytesInOutput }]) => [name.replace('client/', ''), bytesInOutput]);
  const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2020, compress: { passes: 3 } });
  return { bytes: gzipSync(code, { level: 9 }).length, modules };
}

const tooLarge = [];
for (const [name, contents, bytesMax] of PARTS) {
  const { bytes, modules } = await measure(contents);
  console.log(`${name.padEnd(20)} ${String(bytes).padStart(6)} of ${bytesMax} bytes`);
  if (process.argv.includes('--modules')) {
    for (const [module, size] of modules.sort((a, b) => b[1] - a[1])) console.log(`    ${String(size).padStart(6)} ${module}`);
  }
  if (bytes > bytesMax) tooLarge.push(`${name} has ${bytes - bytesMax} bytes too many`);
}
if (tooLarge.length) {
  console.error(`${tooLarge.join('; ')}. \`node web/size.mjs --modules\` shows how many each module has before it is minified`);
  process.exit(1);
}
