/** Positions in the log, and which channels a pattern selects. Pure. */

/**
 * Whether `position` is not after `place`. Positions of different epochs have no order, so it is `false` for those, as it is
 * if there is no `place`.
 *
 * @param {string | undefined} place
 * @param {string | undefined} position
 */
export function reaches(place, position) {
  if (!place || !position) return false;
  const [epoch, offset] = place.split('-');
  const [otherEpoch, otherOffset] = position.split('-');
  // A bookmark has `~` and more behind its offset.
  return epoch === otherEpoch && parseInt(offset) >= parseInt(otherOffset);
}

/** How many positions of the log are between `place` and `head`; 0 if they are of different epochs. */
export function distance(place, head) {
  return reaches(head, place) ? parseInt(head.split('-')[1]) - parseInt(place.split('-')[1]) : 0;
}

/**
 * Whether `pattern` selects `channel`: `*` stands for one token, a last `>` for one or more, and
 * neither for a token that begins with `$`, as the names of system channels do.
 *
 * @param {string} pattern
 * @param {string} channel
 */
export function matches(pattern, channel) {
  const tokens = channel.split('.');
  const wanted = pattern.split('.');
  const rest = wanted.at(-1) === '>' ? wanted.length - 1 : undefined;
  if (rest === undefined ? tokens.length !== wanted.length : tokens.length <= rest) return false;
  return wanted.every((token, at) =>
    token === '*' || at === rest ? !tokens[at].startsWith('$') : token === tokens[at],
  );
}

/**
 * The channels or patterns that `channels` names, each once.
 *
 * @param {string | readonly string[]} channels
 * @returns {string[]}
 */
export function checked(channels) {
  const list = [...new Set([channels].flat())];
  if (list.length && list.every(isPattern)) return list;
  const wrong = list.length ? list.find((channel) => !isPattern(channel)) : 'An empty list';
  throw new TypeError(`${String(wrong)} is no channel and no pattern. ${ALLOWED}`);
}

const isPattern = (text) => typeof text === 'string' && text.length <= 255 && PATTERN.test(text);
const PATTERN = /^(?:(?:\$?[\w~:@-]+|\*)\.)*(?:\$?[\w~:@-]+|\*|>)$/;
const ALLOWED =
  'A channel is tokens of A-Z a-z 0-9 _ ~ : @ - joined by dots, such as chat.room1, and has at most 255 characters. ' +
  'In a pattern * stands for one token and a last > for the rest, as in chat.*';
