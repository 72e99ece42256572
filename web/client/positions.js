/** Positions in the log, and which channels a pattern selects. Pure. */

/**
 * Whether `position` is not after `place`. Positions of different epochs have no order, so it is `false` for those, as it is
 * if there is no `place`.
 *
 * @param {string | undefined} place
 * @param {string | undefined} position
 */
export const reaches = (place = '', position = '') =>
  place.split('-')[0] === position.split('-')[0] && offset(place) >= offset(position);

/** Whether the server does not know the position `from` of a gap, and goes on after `to`. */
export const isUnknown = ({ from, to }) => !reaches(to, from) || reaches(from, to);

/** The later of two positions. */
export const later = (place, other) => (reaches(place, other) ? place : other);

/** The number in a position. A bookmark has `~` and more after it. */
export const offset = (position) => parseInt(position.split('-')[1]);

/**
 * Whether one of `patterns` selects a channel: `*` stands for one token, a last `>` for one or more, and neither for a token
 * that begins with `$`, as the names of system channels do.
 *
 * @param {string[]} patterns
 * @returns {(channel: string) => boolean}
 */
export function selector(patterns) {
  const sources = patterns.map((pattern) => pattern.replace(/[.*>$]/g, (sign) => SOURCES[sign]));
  const expression = new RegExp(`^(${sources.join('|')})$`);
  return (channel) => expression.test(channel);
}

const SOURCES = { '.': '\\.', '*': '(?!\\$)[^.]+', '>': '(?!\\$).+', $: '\\$' };

/**
 * Whether `pattern` selects `channel`, as the server says it.
 *
 * @param {string} pattern
 * @param {string} channel
 */
export const matches = (pattern, channel) => selector([pattern])(channel);

/**
 * The channels or patterns that `channels` names, each once.
 *
 * @param {string | readonly string[]} channels
 * @returns {string[]}
 */
export function checked(channels) {
  const list = [...new Set([channels].flat())];
  const wrong = list.length ? list.filter((one) => typeof one !== 'string' || !PATTERN.test(one)) : ['[]'];
  if (wrong.length) {
    throw new TypeError(`${wrong[0]} is no channel or pattern: use A-Z a-z 0-9 _ ~ : @ - and dots, * and a last >`);
  }
  return list;
}

const PATTERN = /^((\$?[\w~:@-]+|\*)\.)*(\$?[\w~:@-]+|[*>])$/;
