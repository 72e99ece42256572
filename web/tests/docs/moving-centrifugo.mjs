// Moving from Centrifugo: the code after the move, on a server with keys.
import { createHmac } from 'node:crypto';

export const page = 'docs/moving/centrifugo.md';

export default async function (helper) {
  const { block, load, until, onEnd } = helper;
  const { url, lines, given } = await guarded(helper, ['chat.*']);
  const { tide } = await load(block(), url, given);
  onEnd(() => tide.close());
  const { publish } = await load(block(), url, given);
  await until(() => tide.state.name === 'live');
  await publish('chat.room1', { text: 'hello' });
  await until(() => lines.includes('hello'));
}

/** A server with keys, and what a page of an application has: `show`, and `/my/token` that allows to subscribe. */
export async function guarded({ server }, subscribe) {
  const secret = '0123456789abcdef0123456789abcdef';
  const { url } = await server({ settings: `[tokens]\nsecret = "${secret}"\n` });
  const lines = [];
  const sign = (rights) => {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { sub: 'u7', exp: Math.floor(Date.now() / 1000) + 600, tidewire: rights };
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  // A server of the application would have an API key here. To Tidewire both are credentials in the same header.
  const process = { env: { API_KEY: sign({ publish: subscribe }) } };
  const ofThePage = { '/my/token': () => new Response(sign({ subscribe })) };
  const given = {
    process,
    show: (text) => lines.push(text),
    fetch: (input, init) => ofThePage[input]?.() ?? fetch(input, init),
  };
  return { url, lines, given };
}
