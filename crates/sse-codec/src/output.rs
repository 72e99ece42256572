//! What blocks are appended to: a `Vec<u8>`, or with the feature `bytes` a `BytesMut`.

use crate::text::{self, OutputSpace};
use alloc::vec::Vec;

/// A growing buffer of the caller's.
///
/// Sealed: more may be asked of a buffer some day.
pub trait Output: sealed::Sealed {
    /// Reserves room, so that appending the given number of bytes does not reallocate.
    #[doc(hidden)]
    fn make_room(&mut self, bytes: usize);

    /// Appends what `fill` puts into the room that is there already, unless it gives up.
    #[doc(hidden)]
    fn fill(&mut self, fill: impl FnOnce(&mut OutputSpace<'_>) -> Option<()>) -> Option<()>;
}

impl Output for Vec<u8> {
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        self.reserve(bytes);
    }

    #[inline]
    fn fill(&mut self, fill: impl FnOnce(&mut OutputSpace<'_>) -> Option<()>) -> Option<()> {
        text::fill_vec(self, fill)
    }
}

#[cfg(feature = "bytes")]
impl Output for bytes::BytesMut {
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        self.reserve(bytes);
    }

    #[inline]
    fn fill(&mut self, fill: impl FnOnce(&mut OutputSpace<'_>) -> Option<()>) -> Option<()> {
        text::fill_bytes_mut(self, fill)
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for alloc::vec::Vec<u8> {}

    #[cfg(feature = "bytes")]
    impl Sealed for bytes::BytesMut {}
}
