/** Makes a page of the files of a recipe: JSX, components of Svelte and of Vue, and `tidewire` as it is here. */
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const client = (name) => fileURLToPath(new URL(`../client/${name}.js`, import.meta.url));

/** The first of `files`, which are texts by their names, as a page with all that it imports. */
export async function bundle(files) {
  const [entry] = Object.keys(files);
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    conditions: ['browser'],
    // React mounts everything twice in its strict mode, but not as it ships.
    define: { 'process.env.NODE_ENV': '"development"' },
    alias: {
      tidewire: client('tidewire'),
      'tidewire/react': client('react'),
      'tidewire/svelte': client('svelte'),
      'tidewire/vue': client('vue'),
    },
    plugins: [{ name: 'recipe', setup: (setup) => take(setup, files) }],
    logLevel: 'silent',
  });
  const script = outputFiles[0].text.replaceAll('</script', '<\\/script');
  return `<!doctype html><title>recipe</title><link rel="icon" href="data:,"><div id="app"></div><script type="module">${script}</script>`;
}

/** The configuration that the page at `path` shows first. */
export async function settingsOf(path) {
  const page = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  return page.match(/^```toml\n([\s\S]*?)^```$/m)[1];
}

function take(setup, files) {
  setup.onResolve({ filter: /./ }, ({ path }) => {
    const name = path.replace(/^\.\//, '');
    return name in files ? { path: name, namespace: 'recipe' } : undefined;
  });
  setup.onLoad({ filter: /./, namespace: 'recipe' }, async ({ path }) => ({
    contents: await compile(path, files[path]),
    loader: path.endsWith('.jsx') ? 'jsx' : 'js',
    resolveDir: here,
  }));
}

async function compile(name, text) {
  if (name.endsWith('.svelte')) {
    const { compile } = await import('svelte/compiler');
    return compile(text, { generate: 'client', filename: name }).js.code;
  }
  if (name.endsWith('.vue')) {
    const { compileScript, parse } = await import('vue/compiler-sfc');
    const { descriptor, errors } = parse(text, { filename: name });
    if (errors.length) throw errors[0];
    return compileScript(descriptor, { id: 'recipe', inlineTemplate: true }).content;
  }
  return text;
}

/** What each application of a recipe shows: the member, a score, and what its button publishes. */
export async function follow(page, { publish }) {
  await page.getByText('ada').waitFor();
  await publish('scores', 7, { key: 'eva' });
  await page.getByText('eva: 7').waitFor();
  await page.click('button');
  await page.getByText('hello', { exact: true }).waitFor();
}
