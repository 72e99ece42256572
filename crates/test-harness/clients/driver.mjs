/**
 * Runs clients of `web/client/` for one world of `cargo xtask clients`: commands come as JSON lines on standard input, and
 * what the clients report leaves as JSON lines on standard output. `src/clients/driver.rs` describes both.
 *
 * The argument is the folder of the client. A test may pass a copy in which a fault is planted.
 */
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const folder = pathToFileURL(`${process.argv[2]}/`);
const { connect } = await import(new URL('tidewire.js', folder));

const LOOK_MS = 20;
const LAG_MS = 20;

/** By number, each with its `tide`, its `subscriptions`, and the tokens that it has `asked` for. */
const clients = new Map();

const say = (words) => process.stdout.write(`${JSON.stringify({ at: Date.now(), ...words })}\n`);

/** From where a subscription would resume, once that is a position. */
const place = ({ position }) => (/-\d+$/.test(position) ? position : undefined);

const acts = {
  connect({ client, url, wires, tokens }) {
    const asked = new Map();
    const token = () =>
      new Promise((resolve) => {
        const ask = asked.size + 1;
        asked.set(ask, resolve);
        say({ event: 'asks', client, ask });
      });
    const onstate = ({ name, wire, reason }) => say({ event: 'state', client, state: name, wire, reason });
    const tide = connect(url, { wires, ...(tokens && { token }), onstate });
    clients.set(client, { tide, asked, subscriptions: new Map() });
    onstate(tide.state);
  },

  token: ({ client, ask, token }) => clients.get(client).asked.get(ask)(token),

  subscribe({ client, subscription, channels, since }) {
    const { tide, subscriptions } = clients.get(client);
    const about = { client, subscription };
    const opened = tide.subscribe(channels, {
      since,
      onmessage: (message) => say({ event: 'message', ...about, message, position: place(opened) }),
      ongap: (gap) => say({ event: 'gap', ...about, gap }),
      onerror: (error) => say({ event: 'ended', ...about, position: place(opened), error: String(error) }),
    });
    subscriptions.set(subscription, opened);
    const look = () => {
      if (subscriptions.get(subscription) !== opened) return;
      if (place(opened) === undefined) setTimeout(look, LOOK_MS).unref();
      else say({ event: 'begun', ...about, position: place(opened) });
    };
    look();
  },

  unsubscribe({ client, subscription }) {
    const { subscriptions } = clients.get(client);
    const opened = subscriptions.get(subscription);
    subscriptions.delete(subscription);
    opened.close();
    say({ event: 'ended', client, subscription, position: place(opened) });
  },

  position({ client, subscription }) {
    const opened = clients.get(client).subscriptions.get(subscription);
    say({ event: 'position', client, subscription, position: place(opened) });
  },

  publish({ client, publish, channel, data }) {
    clients.get(client).tide.publish(channel, data).then(
      ({ position }) => say({ event: 'published', client, publish, position }),
      (error) => say({ event: 'failed', client, publish, error: String(error) }),
    );
  },

  close: ({ client }) => clients.get(client).tide.close(),
};

const fault = (error) => say({ event: 'fault', error: error?.stack ?? String(error) });
process.on('uncaughtException', fault);
process.on('unhandledRejection', fault);
console.error = (...words) => fault(`console.error: ${words.join(' ')}`);

// Times that the clients report are late by as much as this process is.
let looked = performance.now();
setInterval(() => {
  const ms = Math.round(performance.now() - looked - LOOK_MS);
  if (ms > LAG_MS) say({ event: 'lag', ms });
  looked = performance.now();
}, LOOK_MS).unref();

say({ event: 'ready', can: ['websocket', 'sse', 'poll', 'publish', 'outbox', 'tokens'] });
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...fields } = JSON.parse(line);
  acts[name](fields);
}
