//! What frames are appended to: a `Vec<u8>`, or with the feature `bytes` a `BytesMut`.

use alloc::vec::Vec;

/// A growing buffer of the caller's. The encoders append to it, and change nothing before that.
///
/// Sealed: more may be asked of a buffer some day.
pub trait Output: sealed::Sealed {
    /// Reserves room, so that appending the given number of bytes does not reallocate.
    #[doc(hidden)]
    fn make_room(&mut self, bytes: usize);

    /// Appends `bytes`.
    #[doc(hidden)]
    fn append(&mut self, bytes: &[u8]);

    /// All that was appended so far.
    #[doc(hidden)]
    fn written(&mut self) -> &mut [u8];
}

impl Output for Vec<u8> {
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        self.reserve(bytes);
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn written(&mut self) -> &mut [u8] {
        self
    }
}

#[cfg(feature = "bytes")]
impl Output for bytes::BytesMut {
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        self.reserve(bytes);
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn written(&mut self) -> &mut [u8] {
        self
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for alloc::vec::Vec<u8> {}

    #[cfg(feature = "bytes")]
    impl Sealed for bytes::BytesMut {}
}
