/** What each adapter is tested with: a connection with one map and one room, and what the server says to them. */
import { map } from '../client/map.js';
import { presence } from '../client/presence.js';
import { FakeTide, settled } from './fake.js';

export class App extends FakeTide {
  lives = [];

  constructor() {
    super();
    this.answers = (path) =>
      path.endsWith('presence')
        ? { members: [{ connection: '1', user: 'ada', since: 1 }], position: 'e-1' }
        : { messages: [{ channel: 'prices', position: 'e-1', key: 'EUR', data: 1 }], position: 'e-1' };
  }

  map(channel) {
    return this.#live(map(this, channel));
  }

  presence(channel) {
    return this.#live(presence(this, channel));
  }

  /** What is subscribed now, by its channels. */
  get open() {
    return this.subscriptions.filter((one) => !one.isClosed).map((one) => one.channels);
  }

  /** Hands `message` to what is subscribed to its channel. */
  async deliver(message) {
    for (const { isClosed, channels, options } of [...this.subscriptions]) {
      if (!isClosed && [channels].flat().includes(message.channel)) options.onmessage(message);
    }
    await settled();
  }

  #live(live) {
    this.lives.push(live);
    return live;
  }
}
