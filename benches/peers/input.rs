//! What is on the wire. It lives as long as the run, so that peers may borrow it for as long as they like.

use sse_codec::Block;

/// Bytes of a connection, and how many of them a read brings.
#[derive(Clone, Copy)]
pub(crate) struct Input {
    pub(crate) wire: &'static [u8],
    pub(crate) messages: usize,
    pub(crate) read_bytes: usize,
}

impl Input {
    /// Everything that lies ready comes with one read.
    pub(crate) fn whole(wire: Vec<u8>, messages: usize) -> Self {
        Self { read_bytes: wire.len(), wire: wire.leak(), messages }
    }

    /// The same in reads of `read_bytes`.
    pub(crate) fn in_reads(self, read_bytes: usize) -> Self {
        Self { read_bytes, ..self }
    }

    /// The same with one message in each read, as a model's tokens come. All have one length.
    pub(crate) fn one_a_read(self) -> Self {
        self.in_reads(self.wire.len() / self.messages)
    }

    /// What each read brings.
    pub(crate) fn reads(self) -> impl Iterator<Item = &'static [u8]> {
        self.wire.chunks(self.read_bytes)
    }
}

/// The frames in which a client sends the text, again and again, each with a mask of its own.
pub(crate) fn masked_text(payload: &str) -> Input {
    masked(payload.len(), |key, wire| ws_frame::encode_text(payload, Some(key), wire))
}

/// As [`masked_text`], in binary messages.
pub(crate) fn masked_binary(payload: &[u8]) -> Input {
    masked(payload.len(), |key, wire| ws_frame::encode_binary(payload, Some(key), wire))
}

fn masked(payload_bytes: usize, encode: impl Fn([u8; 4], &mut Vec<u8>)) -> Input {
    let messages = READ_BYTES.div_ceil(payload_bytes);
    let mut wire = Vec::new();
    for number in 1..=messages {
        let key = (number as u32).wrapping_mul(0x9E37_79B1).to_le_bytes();
        encode(key, &mut wire);
    }
    Input::whole(wire, messages)
}

/// Some 64 KiB of the block, again and again.
pub(crate) fn stream(block: Block<'_>) -> Input {
    let (mut wire, mut messages) = (Vec::new(), 0);
    while wire.len() < STREAM_BYTES {
        block.encode(&mut wire).unwrap();
        messages += 1;
    }
    Input::whole(wire, messages)
}

/// JSON-like ASCII of this many bytes, without a line end.
pub(crate) fn text(bytes: usize) -> String {
    r#"{"role":"assistant","text":"and so on"} "#.chars().cycle().take(bytes).collect()
}

/// 1 KiB of text, every second character of which is not ASCII.
pub(crate) fn other_scripts() -> String {
    "příliš žluťoučký 🐎 ".repeat(40).chars().scan(0, up_to_kib).collect()
}

fn up_to_kib(bytes: &mut usize, character: char) -> Option<char> {
    *bytes += character.len_utf8();
    (*bytes <= 1 << 10).then_some(character)
}

/// What one packet of an ordinary network carries.
pub(crate) const PACKET_BYTES: usize = 1_400;
/// What one read of a busy socket brings; a longer message comes alone.
const READ_BYTES: usize = 16 << 10;
const STREAM_BYTES: usize = 64 << 10;
