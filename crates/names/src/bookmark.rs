//! The end of a page: a position, and the state that the pages list if it is not complete yet, `k3f9a-1042~2000`.
//!
//! Only pages have bookmarks. Messages have plain positions, because all readers share them. To a client both are
//! opaque, and both are valid as `since`.

use crate::{
    InvalidPosition, Position,
    digits::{read_digits, write_digits},
};
use std::{fmt, str::FromStr};

/// Where to continue after a page. `state`, if any, is greater than the offset of `after`.
///
/// A client that lists a compacted channel from `earliest` gets its present state. Until the list has reached the
/// offset that was the newest when the list began, the bookmark has that offset as `state`. With it, the following
/// pages leave out removals of keys that are not on the list.
///
/// ```
/// use tidewire_names::Bookmark;
///
/// let bookmark: Bookmark = "k3f9a-1042~2000".parse()?;
/// assert_eq!((bookmark.after.offset, bookmark.state), (1042, Some(2000)));
/// assert_eq!(bookmark.to_string(), "k3f9a-1042~2000");
/// # Ok::<(), tidewire_names::InvalidPosition>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bookmark {
    /// Everything up to this position was on a page.
    pub after: Position,
    /// The offset that was the newest when the list began, until the list has reached it.
    pub state: Option<u64>,
}

impl Bookmark {
    /// Appends the text: a position's, and 21 bytes more at most.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        self.after.write_to(out);
        if let Some(state) = self.state {
            out.push(STATE_MARK);
            write_digits::<10>(state, out);
        }
    }
}

impl From<Position> for Bookmark {
    fn from(after: Position) -> Self {
        Self { after, state: None }
    }
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write_to(&mut text);
        f.pad(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Bookmark {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let Some((after, state)) = text.split_once(char::from(STATE_MARK)) else {
            return text.parse().map(Position::into);
        };
        let (after, state): (Position, _) = (after.parse()?, read_digits(state, 10));
        // After the state has ended, a list is not in the middle of it.
        let state = state.filter(|state| *state > after.offset).ok_or(InvalidPosition)?;
        Ok(Self { after, state: Some(state) })
    }
}

const STATE_MARK: u8 = b'~';

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(offset: u64, state: Option<u64>) -> Bookmark {
        Bookmark { after: Position { epoch: 36, offset }, state }
    }

    #[test]
    fn a_bookmark_has_one_spelling() {
        for (text, bookmark) in [
            ("10-7", at(7, None)),
            ("10-0~1", at(0, Some(1))),
            ("10-7~2000", at(7, Some(2000))),
            ("10-7~18446744073709551615", at(7, Some(u64::MAX))),
        ] {
            assert_eq!(text.parse(), Ok(bookmark));
            assert_eq!(bookmark.to_string(), text);
        }
    }

    #[test]
    fn what_no_server_hands_out_is_refused() {
        for text in [
            "10-7~7",
            "10-7~6",
            "10-7~0",
            "10-7~",
            "~9",
            "10~9",
            "10-7~09",
            "10-7~+9",
            "10-7~9~9",
            "10-7~ 9",
            "10-7~a",
            "10-7 ~9",
            "10-7~18446744073709551616",
        ] {
            assert_eq!(text.parse::<Bookmark>(), Err(InvalidPosition), "{text}");
        }
    }
}
