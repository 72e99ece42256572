//! Channel names and the patterns that select them.
//!
//! A name is parsed once, here; everything behind takes the type and checks nothing again.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// The name of a channel, such as `chat.room1`: tokens of `[A-Za-z0-9_~:@-]` joined by `.`.
///
/// A name that begins with `$` belongs to the system: clients read such channels, never write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the channel is one of the system's own.
    pub fn is_system(&self) -> bool {
        self.0.starts_with(SYSTEM_MARK)
    }

    /// The channel of presence of this one: `$presence.` and its name.
    ///
    /// The system's own channels have none, nor do those that leave no room for the prefix.
    pub fn presence(&self) -> Option<Self> {
        format!("{PRESENCE_PREFIX}{self}").parse().ok()
    }
}

impl FromStr for ChannelName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match check(text)? {
            Kind::Name => Ok(Self(text.into())),
            Kind::Pattern => Err(NameError::Wildcard),
        }
    }
}

impl Borrow<str> for ChannelName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A channel name in which `*` may stand for one token and a final `>` for one or more.
///
/// A wildcard never stands for a token that begins with `$`, so `>` is every channel but the
/// system's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

impl Pattern {
    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one channel this selects, or `None` where a wildcard may select several.
    pub fn as_channel(&self) -> Option<ChannelName> {
        (!self.0.contains(['*', '>'])).then(|| ChannelName(Arc::clone(&self.0)))
    }

    /// Whether `channel` is one of those selected.
    pub fn matches(&self, channel: &ChannelName) -> bool {
        // A wildcard is a token of its own, so the rest is compared byte by byte.
        let (mut wanted, mut given) = (self.0.as_bytes(), channel.0.as_bytes());
        loop {
            let Some((byte, rest)) = wanted.split_first() else { return given.is_empty() };
            let Some((first, more)) = given.split_first() else { return false };
            wanted = rest;
            given = match byte {
                b'*' | b'>' if *first == SYSTEM_BYTE => return false,
                b'>' => return true,
                b'*' => {
                    let end = given.iter().position(|byte| *byte == b'.').unwrap_or(given.len());
                    given.get(end..).unwrap_or_default()
                }
                byte if byte == first => more,
                _ => return false,
            };
        }
    }

    /// The channels whose lists of members this selects, if it names such lists: `chat.*` for `$presence.chat.*`.
    pub fn members_of(&self) -> Option<Self> {
        self.0.strip_prefix(PRESENCE_PREFIX)?.parse().ok()
    }

    /// Whether this selects every channel that `other` selects, however long names may be.
    ///
    /// O(length), and nothing is allocated.
    pub fn covers(&self, other: &Self) -> bool {
        let (wide, narrow) = (self.0.strip_prefix(SYSTEM_MARK), other.0.strip_prefix(SYSTEM_MARK));
        if wide.is_some() != narrow.is_some() {
            // Wildcards never stand for the mark.
            return false;
        }
        let mut wide = wide.unwrap_or(&self.0).split('.');
        let mut narrow = narrow.unwrap_or(&other.0).split('.');
        loop {
            match (wide.next(), narrow.next()) {
                (Some(">"), Some(_)) | (None, None) => return true,
                // One token for the whole of a rest, or a name for any token.
                (Some("*"), Some(token)) if token != ">" => {}
                (Some(wanted), Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
    }
}

impl FromStr for Pattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check(text).map(|_| Self(text.into()))
    }
}

impl From<ChannelName> for Pattern {
    fn from(name: ChannelName) -> Self {
        Self(name.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is no channel name, or no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a channel name is empty; write tokens joined by dots, such as chat.room1")]
    Empty,
    /// More than [`NAME_BYTES_MAX`] bytes.
    #[error("a channel name has {bytes} bytes; at most {NAME_BYTES_MAX} are allowed")]
    TooLong {
        /// How many bytes were given.
        bytes: usize,
    },
    /// Two dots in a row, or one at an end.
    #[error("a channel name has an empty token; dots only join tokens, as in chat.room1")]
    EmptyToken,
    /// A character that no token may hold.
    #[error(
        "a channel name holds {found:?}; tokens are of A-Z a-z 0-9 _ ~ : @ - and joined by dots"
    )]
    BadCharacter {
        /// The first such character.
        found: char,
    },
    /// `*` or `>` beside other characters of its token, or a `>` before the end.
    #[error("a wildcard is a token of its own: * for one token, > at the end for the rest")]
    MisplacedWildcard,
    /// A pattern where one channel is wanted.
    #[error("a pattern was given where one channel is wanted; * and > are for subscribing")]
    Wildcard,
}

/// The longest name or pattern, in bytes: it fits one length byte and any sensible hierarchy.
pub const NAME_BYTES_MAX: usize = 255;

const SYSTEM_MARK: char = '$';
const SYSTEM_BYTE: u8 = b'$';
const PRESENCE_PREFIX: &str = "$presence.";

/// Every channel of presence.
pub const PRESENCE_PATTERN: &str = "$presence.>";

enum Kind {
    Name,
    Pattern,
}

fn check(text: &str) -> Result<Kind, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong { bytes: text.len() });
    }
    let mut kind = Kind::Name;
    let mut tokens = text.strip_prefix(SYSTEM_MARK).unwrap_or(text).split('.').peekable();
    while let Some(token) = tokens.next() {
        match token {
            "" => return Err(NameError::EmptyToken),
            "*" => kind = Kind::Pattern,
            ">" if tokens.peek().is_none() => kind = Kind::Pattern,
            _ if token.contains(['*', '>']) => return Err(NameError::MisplacedWildcard),
            _ => check_characters(token)?,
        }
    }
    Ok(kind)
}

fn check_characters(token: &str) -> Result<(), NameError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_~:@-".contains(c);
    match token.chars().find(|c| !allowed(*c)) {
        Some(found) => Err(NameError::BadCharacter { found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, channel: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(&channel.parse().unwrap())
    }

    #[test]
    fn names_are_tokens_joined_by_dots() {
        for good in ["lobby", "chat.room1", "a.b.c", "$presence.x", "A_~:@-9"] {
            assert_eq!(good.parse::<ChannelName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_bad_name_says_what_is_wrong() {
        let long = "x".repeat(256);
        for (bad, error) in [
            ("", NameError::Empty),
            (&*long, NameError::TooLong { bytes: 256 }),
            ("a..b", NameError::EmptyToken),
            (".a", NameError::EmptyToken),
            ("a.", NameError::EmptyToken),
            ("$", NameError::EmptyToken),
            ("a b", NameError::BadCharacter { found: ' ' }),
            ("a.$b", NameError::BadCharacter { found: '$' }),
            ("caf\u{e9}", NameError::BadCharacter { found: '\u{e9}' }),
            ("a\r\nb", NameError::BadCharacter { found: '\r' }),
            ("a.*", NameError::Wildcard),
            (">", NameError::Wildcard),
            ("a*", NameError::MisplacedWildcard),
            (">.a", NameError::MisplacedWildcard),
        ] {
            assert_eq!(bad.parse::<ChannelName>(), Err(error), "{bad:?}");
        }
        assert!("x".repeat(255).parse::<ChannelName>().is_ok());
    }

    #[test]
    fn a_star_stands_for_exactly_one_token() {
        assert!(matches("chat.*", "chat.room1"));
        assert!(matches("*.room1", "chat.room1"));
        assert!(!matches("chat.*", "chat"));
        assert!(!matches("chat.*", "chat.a.b"));
    }

    #[test]
    fn a_final_arrow_stands_for_one_token_or_more() {
        assert!(matches("iot.>", "iot.a"));
        assert!(matches("iot.>", "iot.a.b.c"));
        assert!(!matches("iot.>", "iot"));
        assert!(matches(">", "iot"));
    }

    #[test]
    fn a_channel_has_a_channel_of_presence_unless_it_is_the_systems_or_its_name_too_long() {
        let presence = |name: &str| name.parse::<ChannelName>().unwrap().presence();
        assert_eq!(presence("chat.x").unwrap().as_str(), "$presence.chat.x");
        assert_eq!(presence("$presence.chat.x"), None);
        assert!(presence(&"x".repeat(245)).is_some());
        assert_eq!(presence(&"x".repeat(246)), None);
    }

    #[test]
    fn a_wildcard_never_selects_a_system_channel() {
        assert!(!matches(">", "$presence.x"));
        assert!(!matches("*.x", "$presence.x"));
        assert!(matches("$presence.*", "$presence.x"));
    }
}
