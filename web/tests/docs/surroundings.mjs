// What the blocks of the documentation need: servers, one browser for all of them, and the modules that they name.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/** The address that the pages show. */
const SHOWN = /http:\/\/(localhost|127\.0\.0\.1):8080/g;
/** Where blocks find what their test gives them. */
const GIVEN = 'given to the blocks of the documentation';
const START_MS_MAX = 20_000;
const WAIT_MS_MAX = 20_000;
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];

/** Servers that have not ended. They do not survive this process. */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

export class Surroundings {
  #root;
  #browser;

  constructor(root) {
    this.#root = root;
  }

  /** Whether a package is here that only the nightly run installs. */
  #has(module) {
    const isHere = existsSync(new URL(`crates/test-harness/interop/node_modules/${module}`, this.#root));
    if (!isHere && process.env.TIDEWIRE_INTEROP) throw new Error(`${module} is not installed`);
    return isHere;
  }

  /** What one program uses. Its `end` ends everything that it has started. */
  helper() {
    const endings = [];
    const failures = [];
    const onEnd = (ending) => endings.push(ending);
    return {
      server: (options) => startServer(onEnd, options),
      /** Opens a block of HTML as a page of its own origin, connected to the server at `url`. */
      open: (html, url, suffix = '') => this.#open(onEnd, failures, html, url, suffix),
      /** Imports a block as a module, for which the members of `given` are names like any other. */
      load: (text, url, given = {}) => load(onEnd, this.#root, text, url, given),
      has: (module) => this.#has(module),
      until: (condition, what) => until(condition, what, failures),
      onEnd,
      async end() {
        for (const ending of endings.reverse()) await ending();
        check(failures);
      },
    };
  }

  async close() {
    await (await this.#browser)?.close();
  }

  async #open(onEnd, failures, html, url, suffix) {
    this.#browser ??= launch();
    const files = createServer((_, response) => {
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(placed(html, url, `${url}/assets/`));
    });
    await new Promise((done) => files.listen(0, '127.0.0.1', done));
    const page = await (await this.#browser).newPage();
    page.on('pageerror', (error) => failures.push(String(error)));
    page.on('console', (line) => line.type() === 'error' && failures.push(line.text()));
    onEnd(async () => {
      await page.close();
      files.close();
    });
    page.setDefaultTimeout(WAIT_MS_MAX);
    await page.goto(`http://127.0.0.1:${files.address().port}/${suffix}`);
    return page;
  }
}

/** A block with the server's address, and with the place of the client in place of its name. */
function placed(text, url, client) {
  return text.replace(SHOWN, url ?? '$&').replace(/(['"])tidewire(?:\/([\w.]+))?\1/g, (_, quote, part) => {
    return `${quote}${client}${part ? `${part}.js` : 'tidewire.js'}${quote}`;
  });
}

async function load(onEnd, root, text, url, given) {
  const folder = mkdtempSync(join(tmpdir(), 'tidewire-docs-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'block.mjs');
  const client = new URL('web/client/', root).href;
  const resolved = placed(text, url, client).replace(/(from |import\()(['"])([^.'"/:][^:'"]*)\2/g, (whole, verb, quote, name) => {
    const path = resolve(root, name);
    return path ? `${verb}${quote}${path}${quote}` : whole;
  });
  globalThis[GIVEN] ??= {};
  globalThis[GIVEN][file] = given;
  const names = Object.keys(given).join(', ');
  writeFileSync(file, `const { ${names} } = globalThis[${JSON.stringify(GIVEN)}][${JSON.stringify(file)}];\n${resolved}`);
  return import(pathToFileURL(file).href);
}

/** Where npm has left a package, if it has. */
function resolve(root, name) {
  for (const folder of ['web/', 'crates/test-harness/interop/']) {
    try {
      return pathToFileURL(createRequire(new URL(folder, root)).resolve(name)).href;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

/**
 * Starts a server whose configuration file is `settings`, with further arguments.
 *
 * Resolves to its `url` and `publish(channel, data, query)`.
 */
async function startServer(onEnd, { settings = '', args = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'tidewire-docs-'));
  const config = join(folder, 'tidewire.toml');
  writeFileSync(config, settings);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEWIRE_')));
  const command = ['serve', '--listen', '127.0.0.1:0', '--config', config, ...args];
  const child = spawn(process.env.TIDEWIRE_BIN, command, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const ended = new Promise((done) => child.once('close', done)).then(() => running.delete(child));
  let complaints = '';
  child.stderr.on('data', (text) => (complaints += text));
  onEnd(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  });
  const url = await new Promise((done, fail) => {
    setTimeout(() => fail(new Error(`the server does not start: ${complaints}`)), START_MS_MAX).unref();
    child.once('error', fail);
    child.once('close', () => fail(new Error(`the server has ended: ${complaints}`)));
    createInterface({ input: child.stdout }).once('line', (line) => done(line.replace('listening on ', '')));
  });
  return { url, publish: (channel, data, query = {}) => publish(url, channel, data, query) };
}

async function publish(url, channel, data, query) {
  const headers = { 'Content-Type': 'application/json' };
  const body = data === undefined ? '' : JSON.stringify(data);
  const address = `${url}/publish/${channel}?${new URLSearchParams(query)}`;
  const answer = await fetch(address, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`publishing is answered with ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** Waits until `condition` gives something true, which it resolves to. */
async function until(condition, what = String(condition), failures) {
  const start = performance.now();
  for (;;) {
    const value = await condition();
    check(failures);
    if (value) return value;
    if (performance.now() - start > WAIT_MS_MAX) throw new Error(`never true: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** What a page reports as an error is one. */
function check(failures) {
  if (failures.length) throw new Error(`the page reports: ${failures.join('; ')}`);
}

function launch() {
  // Modules are not looked up in NODE_PATH, what `require` loads is.
  const { chromium } = createRequire(import.meta.url)('playwright-core');
  return chromium.launch({ executablePath: process.env.TIDEWIRE_BROWSER, headless: true, args: FLAGS });
}
