//! A text that owns its bytes, or shares them: checked once, when it arrived.
//!
//! Apart because of its `unsafe`: the decoder has found a text to be UTF-8 where it lay in the read
//! buffer, and to look at every byte of it again, only to hand it out as a `str`, takes as long as
//! all the rest.
#![allow(unsafe_code)]

use alloc::string::String;
use core::fmt::{self, Debug, Display, Formatter};
use core::ops::Deref;
use core::str::Utf8Error;

use bytes::Bytes;

/// A text in [`Bytes`]: cloned without copying, and read as a `&str`.
///
/// ```
/// # use ws_frame::Utf8Bytes;
/// let text = Utf8Bytes::from("Hello");
/// assert_eq!(text, "Hello");
/// assert!(text.starts_with("He"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utf8Bytes(Bytes);

impl Utf8Bytes {
    /// A text that lives as long as the program: nothing is copied.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        // SAFETY: every constructor has a `str`, checks the bytes, or is `from_checked`, whose
        // caller promises that they are UTF-8. `Bytes` do not change.
        unsafe { str::from_utf8_unchecked(&self.0) }
    }

    /// The text's bytes, which are not copied.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// A text that was checked before it came here.
    ///
    /// # Safety
    ///
    /// `bytes` are UTF-8.
    #[inline]
    pub(crate) const unsafe fn from_checked(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Utf8Bytes {
    fn as_ref(&self) -> &str {
        self
    }
}

impl AsRef<[u8]> for Utf8Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Utf8Bytes {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        str::from_utf8(&bytes)?;
        Ok(Self(bytes))
    }
}

impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Self {
        text.0
    }
}

impl PartialEq<str> for Utf8Bytes {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Utf8Bytes {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Debug for Utf8Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(self.as_str(), f)
    }
}

impl Display for Utf8Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn bytes_become_a_text_only_if_they_are_one() {
        assert_eq!(Utf8Bytes::try_from(Bytes::from_static("kůň".as_bytes())).unwrap(), "kůň");
        assert!(Utf8Bytes::try_from(Bytes::from_static(b"\xC3\x28")).is_err());
    }

    #[test]
    fn a_text_is_shown_as_a_str_is() {
        let text = Utf8Bytes::from(String::from("a\n"));
        assert_eq!((format!("{text}"), format!("{text:?}")), ("a\n".into(), "\"a\\n\"".into()));
        assert_eq!(Bytes::from(text), &b"a\n"[..]);
    }
}
