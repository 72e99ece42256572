/** The composables, in components of Vue. */
import { mountPoint } from './dom.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApp, nextTick, ref } from 'vue';
import { tidewire, useChannel, useConnection, useMap, usePresence, useTide } from '../client/vue.js';
import { App } from './app.js';
import { settled } from './fake.js';

/** Mounts a component that calls `use` in its setup and shows `view` of what that gives. */
function show(tide, use, view) {
  const element = mountPoint();
  const setup = () => {
    const used = use();
    return () => JSON.stringify(view(used.value));
  };
  const app = createApp({ setup }).use(tidewire, tide);
  app.mount(element);
  const read = async () => {
    await settled();
    await nextTick();
    return JSON.parse(element.textContent);
  };
  return { read, unmount: () => app.unmount() };
}

const data = ({ messages }) => messages.map((message) => message.data);

test('a channel is subscribed as long as its component is there', async () => {
  const tide = new App();
  const view = show(tide, () => useChannel('chat.a', { max: 2, since: '5m' }), data);
  assert.deepEqual(tide.open, ['chat.a']);
  assert.equal(tide.subscriptions[0].options.since, '5m');
  for (const data of [1, 2, 3]) await tide.deliver({ channel: 'chat.a', data });
  assert.deepEqual(await view.read(), [2, 3]);
  view.unmount();
  assert.deepEqual(tide.open, []);
});

test('another channel begins without the messages of the one before', async () => {
  const tide = new App();
  const room = ref('a');
  const view = show(tide, () => useChannel(() => `chat.${room.value}`), data);
  await tide.deliver({ channel: 'chat.a', data: 1 });
  assert.deepEqual(await view.read(), [1]);
  room.value = 'b';
  assert.deepEqual(await view.read(), []);
  assert.deepEqual(tide.open, ['chat.b']);
});

test('a gap and a refusal are shown', async () => {
  const tide = new App();
  const view = show(tide, () => useChannel('a'), ({ gaps, error }) => [gaps.length, error?.message]);
  const { ongap, onerror } = tide.subscriptions[0].options;
  ongap({ channel: 'a', from: 'e-1', to: 'e-2' });
  onerror(new Error('no'));
  assert.deepEqual(await view.read(), [1, 'no']);
});

test('a map and presence show the state and its changes', async () => {
  const tide = new App();
  const prices = show(tide, () => useMap('prices'), ({ map, isReady }) => [isReady, ...map]);
  const room = show(tide, () => usePresence(ref('room.1')), ({ members }) => members.map(({ user }) => user));
  assert.deepEqual(await prices.read(), [true, ['EUR', 1]]);
  assert.deepEqual(await room.read(), ['ada']);
  await tide.deliver({ channel: 'prices', key: 'USD', data: 2 });
  await tide.deliver({ channel: '$presence.room.1', key: '1' });
  assert.deepEqual(await prices.read(), [true, ['EUR', 1], ['USD', 2]]);
  assert.deepEqual(await room.read(), []);
  prices.unmount();
  room.unmount();
  assert.deepEqual(tide.open, []);
});

test('the state of the connection is shown', async () => {
  const tide = new App();
  const view = show(tide, useConnection, ({ name }) => name);
  assert.equal(await view.read(), 'live');
  tide.become({ name: 'offline' });
  assert.equal(await view.read(), 'offline');
});

test('without the plugin the error says what to do', () => {
  const app = createApp({ setup: useTide });
  app.config.warnHandler = () => {};
  assert.throws(() => app.mount(mountPoint()), /app\.use\(tidewire/);
});
