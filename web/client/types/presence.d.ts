export type Member = {
    /**
     * The name that the server gives it.
     */
    connection: string;
    user?: string;
    info?: any;
    /**
     * What the client says of itself, on a server that checks tokens.
     */
    claimed?: {
        user?: string;
        info?: any;
    };
    /**
     * When it joined, in milliseconds since 1970.
     */
    since: number;
};
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
export declare function presence(tide: import('./tide.js').Tide, channel: string): import('./live.js').Live<Member>;
