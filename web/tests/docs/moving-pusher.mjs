// Moving from Pusher: the code after the move, on a server with keys.
import { guarded } from './moving-centrifugo.mjs';

export const page = 'docs/moving/pusher.md';

export default async function (helper) {
  const { block, load, until, onEnd } = helper;
  const { url, lines, given } = await guarded(helper, ['orders']);
  const { tide } = await load(block(), url, given);
  onEnd(() => tide.close());
  const { trigger } = await load(block(), url, given);
  await until(() => tide.state.name === 'live');
  await trigger('orders', 'created', { id: 7 });
  await trigger('orders', 'viewed', { id: 7 });
  await trigger('orders', 'paid', { id: 7 });
  await until(() => lines.length === 2);
  if (lines.join() !== 'order 7 is new,order 7 is paid') throw new Error(lines.join());
}
