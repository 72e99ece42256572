//! How an HTTP/1 response that has no length is delimited, and a payload as a line of one.

use crate::{Encoding, Input, Profile};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::{borrow::Cow, ops::Range};
use tidewire_broker::Content;

/// How an HTTP/1 response that has no length is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By chunks.
    Chunked,
    /// By the end of the connection, as HTTP/1.0 has it.
    UntilClose,
}

impl Framing {
    /// Appends what `write` writes, as one chunk where there are chunks.
    pub(super) fn write(self, output: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Chunked => write_chunk(output, write),
            Self::UntilClose => write(output),
        }
    }

    /// The profile of a response: its messages are the `chunks` of an encoding, or only what is in them.
    pub(super) fn profile(self, chunks: &'static Encoding, contents: &'static Encoding) -> Profile {
        let encoding = match self {
            Self::Chunked => chunks,
            Self::UntilClose => contents,
        };
        Profile { encoding, input: Input::Nothing, has_heartbeat: true }
    }

    /// Appends the end of the response, where it is said.
    pub(super) fn write_end(self, output: &mut Vec<u8>) {
        if self == Self::Chunked {
            output.extend_from_slice(LAST_CHUNK);
        }
    }
}

/// Appends what `write` writes as one chunk ([RFC 9112 §7.1]).
///
/// [RFC 9112 §7.1]: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
pub(super) fn write_chunk(output: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    write(&mut body);
    output.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
    output.extend_from_slice(&body);
    output.extend_from_slice(b"\r\n");
}

/// Where in a chunk its content lies, for responses that are not chunked.
pub(super) fn chunk_content(chunk: &[u8]) -> Range<usize> {
    let head = chunk.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    head..chunk.len().saturating_sub(b"\r\n".len()).max(head)
}

/// A payload as text: bytes of no known meaning become a `data:` URL, which says that it is
/// base64 and which a browser can fetch.
pub(super) fn readable(content: &Content) -> Cow<'_, str> {
    match content {
        Content::Json(text) | Content::Text(text) => Cow::Borrowed(text),
        Content::Binary(bytes) => {
            let mut url = String::from("data:application/octet-stream;base64,");
            BASE64_STANDARD.encode_string(bytes, &mut url);
            Cow::Owned(url)
        }
        Content::Nothing => Cow::Borrowed(""),
    }
}

const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
