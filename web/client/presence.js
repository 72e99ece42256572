/** Who is subscribed to a channel with presence, as a live `Map` from connection to member. */
import { pathOf } from './again.js';
import { live } from './live.js';

/**
 * @typedef {object} Member
 * @property {string} connection The name that the server gives it.
 * @property {string} [user]
 * @property {any} [info]
 * @property {{ user?: string, info?: any }} [claimed] What the client says of itself, on a server that checks tokens.
 * @property {number} since When it joined, in milliseconds since 1970.
 */

/**
 * Follows the members of `channel`. It does not join: a connection is a member of each channel that it subscribes to by name.
 *
 * @param {import('./tide.js').Tide} tide
 * @param {string} channel
 * @returns {import('./live.js').Live<Member>}
 */
export function presence(tide, channel) {
  const path = pathOf(channel, 'presence');
  const read = async (since, signal) => {
    const page = await tide.ask(path, { query: { since, limit: 1_000 }, signal });
    const left = (page.left ?? []).map((connection) => [connection]);
    return { ...page, entries: [...left, ...page.members.map((member) => [member.connection, member])] };
  };
  return live(tide, `$presence.${channel}`, read, ({ key, data }) => [key, data]);
}
