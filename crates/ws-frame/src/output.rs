//! What frames are appended to: a `Vec<u8>`, a slice, or with the feature `bytes` a `BytesMut`.

use core::error::Error;
use core::fmt::{self, Display, Formatter};

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// A buffer of the caller's. The encoders append to it, and change nothing before that.
///
/// It is a `Vec<u8>`, a [`SliceOutput`] where nothing can grow, or with the feature `bytes` a
/// `BytesMut`.
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

#[cfg(feature = "alloc")]
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

/// A buffer of a fixed size, for programs that have no allocator.
///
/// What does not fit is left out, and so is all that follows. [`finish`](Self::finish) then says so
/// instead of returning half a frame.
///
/// ```
/// # use ws_frame::{Encoder, SliceOutput};
/// let mut buffer = [0; 16];
/// let mut output = SliceOutput::new(&mut buffer);
/// Encoder::server().text("Hello", &mut output);
/// assert_eq!(output.finish()?, b"\x81\x05Hello");
/// # Ok::<(), ws_frame::OutputFull>(())
/// ```
#[derive(Debug)]
pub struct SliceOutput<'a> {
    buffer: &'a mut [u8],
    /// How much of `buffer` is written: at most its length.
    filled: usize,
    is_full: bool,
}

impl<'a> SliceOutput<'a> {
    /// An empty output that writes into `buffer`. A frame takes at most 14 bytes more than its payload.
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, filled: 0, is_full: false }
    }

    /// All that was written.
    ///
    /// # Errors
    ///
    /// Something did not fit.
    pub fn finish(self) -> Result<&'a mut [u8], OutputFull> {
        match self.buffer.get_mut(..self.filled) {
            Some(written) if !self.is_full => Ok(written),
            _ => Err(OutputFull),
        }
    }
}

impl Output for SliceOutput<'_> {
    #[inline]
    fn make_room(&mut self, _: usize) {}

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        let end = self.filled.saturating_add(bytes.len());
        match self.buffer.get_mut(self.filled..end) {
            Some(room) if !self.is_full => {
                room.copy_from_slice(bytes);
                self.filled = end;
            }
            _ => self.is_full = true,
        }
    }

    #[inline]
    fn written(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.filled).unwrap_or_default()
    }
}

/// A [`SliceOutput`] had less room than what was written into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputFull;

impl Display for OutputFull {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the frames do not fit into the buffer")
    }
}

impl Error for OutputFull {}

mod sealed {
    pub trait Sealed {}

    #[cfg(feature = "alloc")]
    impl Sealed for alloc::vec::Vec<u8> {}

    impl Sealed for super::SliceOutput<'_> {}

    #[cfg(feature = "bytes")]
    impl Sealed for bytes::BytesMut {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Close, CloseCode, Encoder};

    #[test]
    fn a_slice_takes_frames_as_long_as_they_fit() {
        let mut buffer = [0; 14];
        let mut output = SliceOutput::new(&mut buffer);
        let mut encoder = Encoder::client(|| [1, 2, 3, 4]);
        encoder.ping(b"ab", &mut output).unwrap();
        encoder.text("", &mut output);
        assert_eq!(
            output.finish().unwrap(),
            b"\x89\x82\x01\x02\x03\x04\x60\x60\x81\x80\x01\x02\x03\x04"
        );
    }

    #[test]
    fn a_slice_that_is_too_short_by_a_byte_gives_no_frame() {
        let close = Some(Close { code: CloseCode::GOING_AWAY, reason: "bye" });
        for room in 0..7 {
            let mut buffer = [0; 7];
            let mut output = SliceOutput::new(&mut buffer[..room]);
            Encoder::server().close(close, &mut output).unwrap();
            // It would fit, but what was to come before it did not.
            Encoder::server().close(None, &mut output).unwrap();
            assert_eq!(output.finish(), Err(OutputFull), "{room} bytes");
        }
        let mut buffer = [0; 7];
        let mut output = SliceOutput::new(&mut buffer);
        Encoder::server().close(close, &mut output).unwrap();
        assert_eq!(output.finish().unwrap(), b"\x88\x05\x03\xe9bye");
    }
}
