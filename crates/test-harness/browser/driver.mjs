/**
 * Drives the pages of a real browser for a test: commands come as JSON lines on standard input,
 * answers and what the pages say leave as JSON lines on standard output.
 *
 * `{"page": "click", "arguments": ["#publish button"]}` calls that method of playwright's page and
 * is answered by `{"answer": value}` or `{"refusal": text}`. `"tab": 2` means another page than the
 * first; `{"context": "newPage"}` opens one, as all methods of the context are called so.
 * `{"cdp": "Page.crash", "tab": 2}` speaks to Chromium itself; a number of `wait_ms` bounds how long
 * an answer is waited for, where a dead page gives none. Unasked come `{"console": {kind, text}}`
 * and `{"failure": text}`, for an exception in a page. When its input ends, whatever it is doing, it
 * closes the browser, removes the profile and ends, within a few seconds.
 *
 * Arguments: `chromium` or `firefox`, the program, a folder for its profile, its flags.
 */
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// Modules are not looked up in NODE_PATH, what `require` loads is.
const { chromium, firefox } = createRequire(import.meta.url)('playwright-core');

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

/** A browser that takes longer to close hangs. */
const END_MS_MAX = 3_000;

/** What Firefox asks for when it starts, or updates. */
const PREFERENCES = { 'app.update.enabled': false, 'datareporting.policy.dataSubmissionEnabled': false };

const [name, executablePath, folder, ...flags] = process.argv.slice(2);
const say = (words) => process.stdout.write(`${JSON.stringify(words)}\n`);

const shared = { executablePath, headless: true, viewport: { width: 1200, height: 900 } };
const context =
  name === 'firefox'
    ? await firefox.launchPersistentContext(folder, {
        ...shared,
        channel: 'moz-firefox',
        args: flags,
        firefoxUserPrefs: PREFERENCES,
      })
    : await chromium.launchPersistentContext(folder, { ...shared, args: [...FLAGS, ...flags] });

/** In the order in which they were opened; those that were closed stay. */
const pages = [];
const add = (page) => {
  pages.push(page);
  page.on('console', (line) => say({ console: { kind: line.type(), text: line.text() } }));
  page.on('pageerror', (error) => say({ failure: String(error) }));
};
add(context.pages()[0] ?? (await context.newPage()));
context.on('page', add);
say({ answer: 'ready' });

const act = async ({ page, context: method, cdp, tab = 0, arguments: values = [] }) => {
  if (page) {
    const value = await pages[tab][page](...values);
    // What cannot be said in JSON, such as a response, is of no interest.
    return page === 'evaluate' || page === 'textContent' ? (value ?? null) : null;
  }
  if (method) {
    await context[method](...values);
    return pages.length;
  }
  const session = await context.newCDPSession(pages[tab]);
  return session.send(cdp, ...values);
};

/** Playwright kills a browser that is left when the process exits. */
const end = async () => {
  setTimeout(() => process.exit(1), END_MS_MAX);
  await context.close().catch(() => {});
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
};

const commands = createInterface({ input: process.stdin });
commands.on('close', end);
// Nobody reads any more, and the input ends as well.
process.stdout.on('error', () => {});
for await (const line of commands) {
  const command = JSON.parse(line);
  try {
    const late = command.wait_ms && new Promise((resolve) => setTimeout(resolve, command.wait_ms));
    say({ answer: (await Promise.race([act(command), late].filter(Boolean))) ?? null });
  } catch (error) {
    say({ refusal: String(error) });
  }
}
