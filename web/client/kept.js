/**
 * Messages of an outbox in IndexedDB, for the case that their page is gone before they are sent. Each belongs to one
 * page, which holds a Web Lock as long as it lives. What a dead page has left is adopted by one other.
 */

/**
 * Opens the store `name` and resolves to it once what is left from dead pages has been handed to `adopt(messages)`, in the
 * order in which they were published. What a page leaves that still lives follows when it is gone.
 */
export async function openKept(name, adopt) {
  const opening = indexedDB.open(`tidewire.${name}`);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE, { keyPath: 'at' });
  const database = await answer(opening);
  const table = () => database.transaction(TABLE, 'readwrite').objectStore(TABLE);
  const me = randomId();
  const { locks } = globalThis.navigator ?? {};
  const lock = (owner, options, then) => locks.request(`tidewire.${name}.${owner}`, options, then);
  const ended = new AbortController();
  const { signal } = ended;
  let count = 0;

  const take = async (owner) => {
    // Reading and writing are one transaction, so that nobody else takes the same.
    const all = table();
    const left = await answer(all.getAll());
    const orphans = left.filter((message) => message.owner === owner);
    for (const orphan of orphans) all.put({ ...orphan, owner: me });
    adopt(orphans);
    return true;
  };
  if (locks) {
    const whole = new Promise((resolve) => (signal.onabort = resolve));
    await new Promise((granted) => void lock(me, {}, () => (granted(), whole)));
  }
  const found = await answer(table().getAll());
  for (const owner of new Set(found.map((message) => message.owner))) {
    // Without locks nobody knows who lives. If two send the same message, its id lets the server take it once.
    if (!locks) await take(owner);
    else if (!(await lock(owner, { ifAvailable: true }, (held) => held && take(owner)))) {
      lock(owner, { signal }, () => take(owner)).catch(() => {});
    }
  }
  return {
    /** Keeps `message` until it is removed. */
    add(message) {
      message.at = [Date.now(), (count += 1), me];
      const { at, channel, data, options } = message;
      return answer(table().put({ at, channel, data, options, owner: me }));
    },
    remove({ at }) {
      table().delete(at);
    },
    close() {
      ended.abort();
      database.close();
    },
  };
}

/** 128 random bits. `randomUUID` is not to be had on a page without TLS. */
export const randomId = () => crypto.getRandomValues(new Uint32Array(4)).join('-');

/** Resolves to the result of a request to IndexedDB. */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const TABLE = 'outbox';
