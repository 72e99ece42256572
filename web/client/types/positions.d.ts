/** Positions in the log, and which channels a pattern selects. Pure. */
/**
 * Whether `position` is not after `place`. Positions of different epochs have no order, so it is `false` for those, as it is
 * if there is no `place`.
 *
 * @param {string | undefined} place
 * @param {string | undefined} position
 */
export declare function reaches(place: string | undefined, position: string | undefined): boolean;
/** How many positions of the log are between `place` and `head`; 0 if they are of different epochs. */
export declare function distance(place: any, head: any): number;
/**
 * Whether `pattern` selects `channel`: `*` stands for one token, a last `>` for one or more, and
 * neither for a token that begins with `$`, as the names of system channels do.
 *
 * @param {string} pattern
 * @param {string} channel
 */
export declare function matches(pattern: string, channel: string): boolean;
/**
 * The channels or patterns that `channels` names, each once.
 *
 * @param {string | readonly string[]} channels
 * @returns {string[]}
 */
export declare function checked(channels: string | readonly string[]): string[];
