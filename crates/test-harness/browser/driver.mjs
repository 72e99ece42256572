/**
 * Drives one page of a real browser for a test: commands come as JSON lines on standard input,
 * answers and what the page says leave as JSON lines on standard output.
 *
 * `{"page": "click", "arguments": ["#publish button"]}` calls that method of playwright's page and
 * is answered by `{"answer": value}` or `{"refusal": text}`. Unasked come `{"console": {kind, text}}`
 * and `{"failure": text}`, for an exception in the page. It ends with its input.
 */
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// Modules are not looked up in NODE_PATH, what `require` loads is.
const { chromium } = createRequire(import.meta.url)('playwright-core');

/** Of use on a closed network, in a container, as any user. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const [executablePath, folder, ...flags] = process.argv.slice(2);
const say = (words) => process.stdout.write(`${JSON.stringify(words)}\n`);

const context = await chromium.launchPersistentContext(folder, {
  executablePath,
  headless: true,
  args: [...FLAGS, ...flags],
  viewport: { width: 1200, height: 900 },
});
const page = context.pages()[0] ?? (await context.newPage());
page.on('console', (line) => say({ console: { kind: line.type(), text: line.text() } }));
page.on('pageerror', (error) => say({ failure: String(error) }));
say({ answer: 'ready' });

for await (const line of createInterface({ input: process.stdin })) {
  const { page: method, arguments: values } = JSON.parse(line);
  try {
    const value = await page[method](...values);
    // What cannot be said in JSON, such as a response, is of no interest.
    say({ answer: method === 'evaluate' || method === 'textContent' ? (value ?? null) : null });
  } catch (error) {
    say({ refusal: String(error) });
  }
}
await context.close();
