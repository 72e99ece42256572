// Shows a page of `pages/` in Chromium, and prints what it logs. The page is at an origin of its own, as most pages are.
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// Modules are not looked up in NODE_PATH, what `require` loads is.
const { chromium } = createRequire(import.meta.url)('playwright-core');

const [name] = process.argv.slice(2);
const folder = fileURLToPath(new URL('.', import.meta.url));
const { URL: url, TOKEN: token, TIDEWIRE_BROWSER: executablePath } = process.env;

const files = createServer(({ url: path }, response) => {
  // Old packages import their own files without an ending, as bundlers allow.
  const file = [path, `${path}.js`].map((one) => folder + one.slice(1)).find((one) => /\.\w+$/.test(one) && existsSync(one));
  if (!file) return response.writeHead(404).end();
  response.setHeader('Content-Type', file.endsWith('.html') ? 'text/html' : 'text/javascript');
  createReadStream(file).pipe(response);
});
await new Promise((done) => files.listen(0, '127.0.0.1', done));

const browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
page.on('console', (line) => (line.type() === 'log' ? console.log(line.text()) : console.error(line.text())));
page.on('pageerror', (error) => console.error(String(error)));
// What a page of an application gets from its own server.
await page.addInitScript(`window.settings = ${JSON.stringify({ url, token })};`);
await page.goto(`http://127.0.0.1:${files.address().port}/pages/${name}.html`);

process.stdin.on('end', async () => {
  await browser.close();
  process.exit();
});
process.stdin.resume();
