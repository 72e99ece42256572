/** What a program in TypeScript may rely on. `package.test.js` compiles it, and nothing runs it. */
import { connect, type Gap, type Live, type Member, type Message, type State, type Subscription, type Tide, TidewireError } from '../client/types/tidewire.js';
import { connect as connectCore, websocket } from '../client/types/core.js';
import { useChannel, useConnection, useMap, usePresence, useTide } from '../client/types/react.js';
import * as svelte from '../client/types/svelte.js';
import * as vue from '../client/types/vue.js';

type Order = { id: number; total: number };

/** Compiles only if `A` and `B` are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never;
const isSame = <A, B>(_: Same<A, B>) => {};

const tide: Tide = connect('https://example.org', {
  token: async () => 'token',
  user: 'ada',
  info: { colour: 'red' },
  wires: ['websocket', 'poll'],
  outbox: { max: 10, name: 'ada', onerror: (error: Error) => console.warn(error) },
  onstate: (state: State) => console.info(state.name, state.until),
});
const stop: () => void = tide.on('state', (state) => console.info(state));

async function all() {
  const subscription: Subscription<Order> = tide.subscribe<Order>(['orders', 'returns'], { since: '1h' });
  for await (const message of subscription) {
    isSame<typeof message, Message<Order>>(true);
    isSame<typeof message.data, Order | undefined>(true);
  }
  tide.subscribe<Order>('orders', { onmessage: ({ data }) => data?.total, ongap: (gap: Gap) => gap.from });
  const { position }: { position: string } = await tide.publish('orders', { id: 1 }, { key: '1', echo: false });

  const prices = await tide.map<number>('prices').ready;
  isSame<typeof prices, Live<number>>(true);
  const euro: number | undefined = prices.get('EUR');
  for await (const { key, value, old } of prices.changes()) isSame<typeof value, number | undefined>(true);
  for (const [key, value] of prices) isSame<typeof value, number>(true);

  const room = await tide.presence('room.1').ready;
  const members: Member[] = [...room.values()];

  const history = tide.history<Order>('orders', { before: 'now', limit: 10 });
  for await (const { data } of history) isSame<typeof data, Order | undefined>(true);
  for await (const { messages, more } of history.pages()) isSame<typeof messages, Message<Order>[]>(true);

  // @ts-expect-error a map is read only
  prices.set('EUR', 2);
  // @ts-expect-error a channel is a text
  tide.map(7);
  // @ts-expect-error an order has no name
  tide.subscribe<Order>('orders', { onmessage: ({ data }) => data?.name });
  // @ts-expect-error there is no such wire
  connect('https://example.org', { wires: ['carrier pigeon'] });
}

function errors(error: unknown) {
  if (error instanceof TidewireError) return [error.code, error.status, error.retryMs, error.isFinal, error.gap];
}

connectCore('https://example.org', { wires: [websocket] }).subscribe('orders', { gaps: 'ignore' });

function Component() {
  isSame<ReturnType<typeof useTide>, Tide>(true);
  isSame<ReturnType<typeof useConnection>, State>(true);
  isSame<typeof seen.messages, Message<Order>[]>(true);
  const seen = useChannel<Order>('orders', { since: '5m', max: 10 });
  const euro: number | undefined = useMap<number>('prices').map.get('EUR');
  const members: Member[] = usePresence('room.1').members;
}

svelte.channel<Order>(tide, 'orders').subscribe(({ messages }) => isSame<typeof messages, Message<Order>[]>(true));
svelte.map<number>(tide, 'prices').subscribe(({ map }) => map.get('EUR')?.toFixed());
svelte.presence(tide, 'room.1').subscribe(({ members }) => isSame<typeof members, Member[]>(true));
svelte.connection(tide).subscribe((state: State) => state.name);

const orders = vue.useChannel<Order>(() => 'orders');
isSame<typeof orders.value.messages, Message<Order>[]>(true);
const value: number | undefined = vue.useMap<number>('prices').value.map.get('EUR');
const who: Member[] = vue.usePresence('room.1').value.members;
isSame<ReturnType<typeof vue.useTide>, Tide>(true);

tide.close();
