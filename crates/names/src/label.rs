//! What a publisher calls a message: its event name, its key, its id.

use std::str::FromStr;

/// An event name, a key or a message id: 1 to 255 bytes of text without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(Box<str>);

impl Label {
    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        match text.len() {
            0 => Err(LabelError::Empty),
            1..=LABEL_BYTES_MAX if text.chars().any(char::is_control) => {
                Err(LabelError::ControlCharacter)
            }
            1..=LABEL_BYTES_MAX => Ok(Self(text.into())),
            bytes => Err(LabelError::TooLong { bytes }),
        }
    }
}

/// Why a text is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Nothing was given.
    #[error("is empty; leave it out instead")]
    Empty,
    /// More than 255 bytes.
    #[error("has {bytes} bytes; at most {LABEL_BYTES_MAX} are allowed")]
    TooLong {
        /// How many bytes were given.
        bytes: usize,
    },
    /// A line end, a NUL or the like, which no event stream can carry.
    #[error("holds a control character; line ends and the like are not allowed")]
    ControlCharacter,
}

const LABEL_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_refuse_what_an_event_stream_cannot_carry() {
        assert_eq!("".parse::<Label>(), Err(LabelError::Empty));
        assert_eq!("a\nb".parse::<Label>(), Err(LabelError::ControlCharacter));
        assert_eq!("x".repeat(256).parse::<Label>(), Err(LabelError::TooLong { bytes: 256 }));
        assert!("\u{e9}t\u{e9}".parse::<Label>().is_ok());
    }
}
