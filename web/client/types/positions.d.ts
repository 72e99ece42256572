/** Positions in the log, and which channels a pattern selects. Pure. */
/**
 * Whether `position` is not after `place`. Positions of different epochs have no order, so it is `false` for those, as it is
 * if there is no `place`.
 *
 * @param {string | undefined} place
 * @param {string | undefined} position
 */
export declare const reaches: (place?: string | undefined, position?: string | undefined) => boolean;
/** Whether the server does not know the position `from` of a gap, and goes on after `to`. */
export declare const isUnknown: ({ from, to }: {
    from: any;
    to: any;
}) => boolean;
/** The later of two positions. */
export declare const later: (place: any, other: any) => any;
/** The number in a position. A bookmark has `~` and more after it. */
export declare const offset: (position: any) => number;
/**
 * Whether one of `patterns` selects a channel: `*` stands for one token, a last `>` for one or more, and neither for a token
 * that begins with `$`, as the names of system channels do.
 *
 * @param {string[]} patterns
 * @returns {(channel: string) => boolean}
 */
export declare function selector(patterns: string[]): (channel: string) => boolean;
/**
 * Whether `pattern` selects `channel`, as the server says it.
 *
 * @param {string} pattern
 * @param {string} channel
 */
export declare const matches: (pattern: string, channel: string) => boolean;
/**
 * The channels or patterns that `channels` names, each once.
 *
 * @param {string | readonly string[]} channels
 * @returns {string[]}
 */
export declare function checked(channels: string | readonly string[]): string[];
