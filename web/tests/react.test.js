/** The hooks, with React itself, and twice with its strict mode, which mounts everything two times. */
import { mountPoint } from './dom.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StrictMode, act, createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { TidewireProvider, useChannel, useConnection, useMap, usePresence, useTide } from '../client/react.js';
import { App } from './app.js';
import { settled } from './fake.js';

globalThis.IS_REACT_ACT_ENVIRONMENT = true;

/** Shows `use(props)` as JSON. */
async function show(tide, use, { strict = true, ...first } = {}) {
  const element = mountPoint();
  const root = createRoot(element);
  const Shown = (props) => JSON.stringify(use(props));
  const render = (props) =>
    act(async () => {
      const inside = createElement(TidewireProvider, { tide }, createElement(Shown, props));
      root.render(strict ? createElement(StrictMode, {}, inside) : inside);
      await settled();
    });
  await render(first);
  return { read: () => JSON.parse(element.textContent), render, unmount: () => act(async () => root.unmount()) };
}

const message = (channel, data) => ({ channel, position: `e-${data}`, data });

test('a channel is subscribed once, strict mode or not, and left with its component', async () => {
  for (const strict of [true, false]) {
    const tide = new App();
    const view = await show(tide, () => useChannel('chat.a', { since: '5m', max: 2 }).messages.map(({ data }) => data), { strict });
    assert.deepEqual(tide.open, ['chat.a']);
    assert.equal(tide.subscriptions.at(-1).options.since, '5m');
    for (const data of [1, 2, 3]) await act(() => tide.deliver(message('chat.a', data)));
    assert.deepEqual(view.read(), [2, 3]);
    await view.unmount();
    assert.deepEqual(tide.open, []);
  }
});

test('other channels begin without the messages of those before, the same ones go on', async () => {
  const tide = new App();
  const view = await show(tide, ({ channels }) => useChannel(channels).messages.map(({ data }) => data), { channels: ['a', 'b'] });
  await act(() => tide.deliver(message('a', 1)));
  await view.render({ channels: ['a', 'b'] });
  assert.deepEqual(view.read(), [1]);
  await view.render({ channels: ['c'] });
  assert.deepEqual(tide.open, [['c']]);
  assert.deepEqual(view.read(), []);
});

test('a gap and a refusal are shown', async () => {
  const tide = new App();
  const view = await show(tide, () => {
    const { gaps, error } = useChannel('a');
    return { gaps, error: error?.message };
  });
  const { ongap, onerror } = tide.subscriptions.at(-1).options;
  await act(async () => ongap({ channel: 'a', from: 'e-1', to: 'e-2' }));
  await act(async () => onerror(new Error('no')));
  assert.deepEqual(view.read(), { gaps: [{ channel: 'a', from: 'e-1', to: 'e-2' }], error: 'no' });
});

test('a map shows the state and its changes', async () => {
  const tide = new App();
  const view = await show(tide, () => {
    const { map, isReady } = useMap('prices');
    return [isReady, ...map];
  });
  assert.deepEqual(view.read(), [true, ['EUR', 1]]);
  await act(() => tide.deliver({ channel: 'prices', position: 'e-2', key: 'USD', data: 2 }));
  assert.deepEqual(view.read(), [true, ['EUR', 1], ['USD', 2]]);
  await view.unmount();
  assert.deepEqual(tide.open, []);
});

test('presence shows the members', async () => {
  const tide = new App();
  const view = await show(tide, () => usePresence('room.1').members.map(({ user }) => user));
  assert.deepEqual(view.read(), ['ada']);
  await act(() => tide.deliver({ channel: '$presence.room.1', key: '1' }));
  assert.deepEqual(view.read(), []);
});

test('the state of the connection is shown', async () => {
  const tide = new App();
  const view = await show(tide, () => useConnection().name);
  assert.equal(view.read(), 'live');
  await act(async () => tide.become({ name: 'offline' }));
  assert.equal(view.read(), 'offline');
});

test('without a provider the error says what to do', async () => {
  const root = createRoot(mountPoint());
  const render = async () => await act(async () => root.render(createElement(() => useTide() && null)));
  await assert.rejects(render, /TidewireProvider/);
});
