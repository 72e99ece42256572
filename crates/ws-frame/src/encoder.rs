//! The encoder of one side, typed by its role: a client's frame without a mask cannot be written.
//!
//! The functions of `encode` take any mask key, which suits a proxy or a test. A program that is one
//! side of a connection has an encoder instead, which owns the source of its masks.

use crate::{
    Close, EncodeError, Kind, Mask, Output, Part, PayloadLen, Piece, encode_binary, encode_close,
    encode_compressed_head, encode_head, encode_piece, encode_ping, encode_pong, encode_text,
};

/// Encodes what one side of a connection sends.
///
/// A server's frames have no mask. A client's have one each, which the encoder takes from its source
/// of [`Masks`].
///
/// ```
/// # use ws_frame::Encoder;
/// let mut output = Vec::new();
/// Encoder::server().text("Hello", &mut output);
/// assert_eq!(output, b"\x81\x05Hello");
///
/// // A strong source of randomness takes the place of this closure.
/// let mut client = Encoder::client(|| [0x37, 0xFA, 0x21, 0x3D]);
/// output.clear();
/// client.text("Hello", &mut output);
/// assert_eq!(output, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Encoder<S> {
    side: S,
}

/// The side whose frames have no mask: the server's.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Plain;

/// The side whose frames are masked, each by the next key of `M`: the client's.
#[derive(Clone, Copy, Debug)]
pub struct Masked<M>(M);

/// A source of mask keys: four bytes for each frame that nobody can foresee ([RFC 6455 §5.3]).
///
/// Any closure that returns `[u8; 4]` is one. With a feature that has an operating system below it
/// (`blocking` or `tokio`) there is [`OsMasks`](crate::OsMasks).
///
/// [RFC 6455 §5.3]: https://www.rfc-editor.org/rfc/rfc6455#section-5.3
pub trait Masks {
    /// The key of the next frame.
    fn next_key(&mut self) -> [u8; 4];
}

impl<F: FnMut() -> [u8; 4]> Masks for F {
    fn next_key(&mut self) -> [u8; 4] {
        self()
    }
}

/// One of the two sides, [`Plain`] or [`Masked`].
pub trait Side: sealed::Sealed {
    #[doc(hidden)]
    fn mask_key(&mut self) -> Option<[u8; 4]>;
}

impl Side for Plain {
    #[inline]
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        None
    }
}

impl<M: Masks> Side for Masked<M> {
    #[inline]
    fn mask_key(&mut self) -> Option<[u8; 4]> {
        Some(self.0.next_key())
    }
}

impl Encoder<Plain> {
    /// The server's encoder.
    pub const fn server() -> Self {
        Self { side: Plain }
    }
}

impl<M: Masks> Encoder<Masked<M>> {
    /// The client's encoder, with the source of its masks.
    pub const fn client(masks: M) -> Self {
        Self { side: Masked(masks) }
    }
}

impl<S: Side> Encoder<S> {
    /// Appends a text message.
    #[inline]
    pub fn text(&mut self, text: &str, output: &mut impl Output) {
        encode_text(text, self.side.mask_key(), output);
    }

    /// Appends a binary message.
    #[inline]
    pub fn binary(&mut self, payload: &[u8], output: &mut impl Output) {
        encode_binary(payload, self.side.mask_key(), output);
    }

    /// Appends one fragment of a message, or a whole one that is compressed: see [`encode_piece`].
    pub fn piece(&mut self, piece: Piece<'_>, output: &mut impl Output) {
        encode_piece(piece, self.side.mask_key(), output);
    }

    /// Appends the head of a message or fragment. The caller applies the mask that this returns to the
    /// payload, and sends it after the head; a server's mask changes nothing.
    ///
    /// ```
    /// # use ws_frame::{Encoder, Kind, Part, PayloadLen};
    /// let mut encoder = Encoder::client(|| [0x37, 0xFA, 0x21, 0x3D]);
    /// let (mut payload, mut head) = (*b"Hello", Vec::new());
    /// let mut mask = encoder.head(Kind::Text, Part::Whole, PayloadLen::of(&payload), &mut head);
    /// mask.apply(&mut payload);
    /// assert_eq!(head, b"\x81\x85\x37\xfa\x21\x3d");
    /// assert_eq!(&payload, b"\x7f\x9f\x4d\x51\x58");
    /// ```
    #[must_use = "a client's payload goes out masked"]
    pub fn head(
        &mut self,
        kind: Kind,
        part: Part,
        len: PayloadLen,
        output: &mut impl Output,
    ) -> Mask {
        let key = self.side.mask_key();
        encode_head(kind, part, len, key, output);
        Mask::new(key.unwrap_or_default())
    }

    /// The same for a message that is compressed.
    #[must_use = "a client's payload goes out masked"]
    pub fn compressed_head(
        &mut self,
        kind: Kind,
        part: Part,
        len: PayloadLen,
        output: &mut impl Output,
    ) -> Mask {
        let key = self.side.mask_key();
        encode_compressed_head(kind, part, len, key, output);
        Mask::new(key.unwrap_or_default())
    }

    /// Appends a ping.
    ///
    /// # Errors
    ///
    /// The payload is longer than 125 bytes. Nothing is appended then.
    pub fn ping(&mut self, payload: &[u8], output: &mut impl Output) -> Result<(), EncodeError> {
        encode_ping(payload, self.side.mask_key(), output)
    }

    /// Appends a pong, which answers a ping with that ping's payload.
    ///
    /// # Errors
    ///
    /// The payload is longer than 125 bytes, which that of a ping never is. Nothing is appended then.
    pub fn pong(&mut self, payload: &[u8], output: &mut impl Output) -> Result<(), EncodeError> {
        encode_pong(payload, self.side.mask_key(), output)
    }

    /// Appends a close, after which nothing may be sent. It also answers one.
    ///
    /// # Errors
    ///
    /// The reason is longer than 123 bytes. Nothing is appended then.
    pub fn close(
        &mut self,
        close: Option<Close<'_>>,
        output: &mut impl Output,
    ) -> Result<(), EncodeError> {
        encode_close(close, self.side.mask_key(), output)
    }
}

mod sealed {
    use super::{Masked, Masks, Plain};

    pub trait Sealed {}

    impl Sealed for Plain {}
    impl<M: Masks> Sealed for Masked<M> {}
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn each_frame_of_a_client_has_the_next_mask() {
        let mut keys = [[1; 4], [2; 4], [3; 4]].into_iter();
        let mut client = Encoder::client(|| keys.next().unwrap());
        let mut output = Vec::new();
        client.binary(&[0], &mut output);
        client.ping(&[], &mut output).unwrap();
        client.close(None, &mut output).unwrap();
        assert_eq!(
            output,
            b"\x82\x81\x01\x01\x01\x01\x01\x89\x80\x02\x02\x02\x02\x88\x80\x03\x03\x03\x03"
        );
    }

    #[test]
    fn a_server_masks_nothing() {
        let mut output = Vec::new();
        Encoder::server().pong(b"hi", &mut output).unwrap();
        let part = Part::First;
        let mut mask =
            Encoder::server().head(Kind::Binary, part, PayloadLen::of(&[7]), &mut output);
        let mut payload = [7];
        mask.apply(&mut payload);
        output.extend(payload);
        assert_eq!(output, b"\x8a\x02hi\x02\x01\x07");
    }

    #[test]
    fn the_head_of_a_compressed_message_says_so_where_it_begins() {
        for (part, first) in
            [(Part::Whole, 0xC1), (Part::First, 0x41), (Part::Middle, 0x00), (Part::Last, 0x80)]
        {
            let mut output = Vec::new();
            let len = PayloadLen::of(&[]);
            let _mask = Encoder::server().compressed_head(Kind::Text, part, len, &mut output);
            assert_eq!(output, [first, 0], "{part:?}");
        }
    }
}
