/**
 * Messages of an outbox in IndexedDB, for the case that their page is gone before they are sent. Each belongs to one
 * page, which holds a Web Lock as long as it lives. What a dead page has left is adopted by one other.
 */

/**
 * Opens the store `name`, and resolves to it once what is left from dead pages has been handed to `adopt(messages)`, in the
 * order in which they were published. What a page leaves that still lives follows when it is gone.
 */
export async function openKept(name, adopt) {
  const opening = indexedDB.open(`tidewire.${name}`);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE, { keyPath: 'at' });
  const database = await answer(opening);
  const table = () => database.transaction(TABLE, 'readwrite').objectStore(TABLE);
  const { locks } = globalThis.navigator ?? {};
  const ended = new AbortController();
  const { signal } = ended;
  const whole = new Promise((resolve) => (signal.onabort = resolve));
  const me = randomId();
  let count = 0;

  /** Resolves once what belongs to `owner` is this page's as long as it lives, or to nothing if another page has it. */
  const hold = (owner, options) =>
    new Promise((resolve) => {
      const keep = (held) => (resolve(held), held && whole);
      locks.request(`tidewire.${name}.${owner}`, options, keep).catch(() => {});
    });
  const take = async (isLeft) => adopt((await answer(table().getAll())).filter(isLeft));

  if (locks) {
    const found = await answer(table().getAll());
    await hold(me, {});
    for (const owner of new Set(found.map((message) => message.owner))) {
      const isLeft = (message) => message.owner === owner;
      if (await hold(owner, { ifAvailable: true })) await take(isLeft);
      else hold(owner, { signal }).then(() => take(isLeft));
    }
    // Nobody knows who lives. If two send the same message, its id lets the server take it once.
  } else await take(() => true);
  return {
    /** Keeps `message` until it is removed. */
    async add(message) {
      message.at = [Date.now(), (count += 1), me];
      const { at, channel, data, options } = message;
      return answer(table().put({ at, channel, data, options, owner: me }));
    },
    async remove({ at }) {
      await answer(table().delete(at));
    },
    close() {
      ended.abort();
      database.close();
    },
  };
}

/** 128 random bits. A page without TLS has no `randomUUID`. */
export const randomId = () => crypto.getRandomValues(new Uint32Array(4)).join('-');

/** Resolves to the result of a request to IndexedDB. */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const TABLE = 'outbox';
