//! The WebSocket cases: what a server receives from its clients, and what it sends to them.

mod actix_http;
mod actix_ws;
mod fastwebsockets;
mod ours;
mod ours_owned;
mod soketto;
mod tokio_websockets;
mod tungstenite;
mod web_socket;
mod wtx;
mod yawc;

use crate::case::{Case, Subject};
use crate::floor;
use crate::input::{self, Input, PACKET_BYTES};
use ws_frame::deflate::Level;

/// Every case of a WebSocket.
pub(crate) fn cases() -> Vec<Case> {
    let short = input::masked_text(&input::text(16));
    let medium = input::masked_text(&input::text(128));
    let long = input::masked_text(&input::text(1 << 10));
    vec![
        decode("16 B text", short, &input::text(16)),
        decode("128 B text", medium, &input::text(128)),
        decode("1 KiB text", long, &input::text(1 << 10)),
        decode(
            "1 KiB non-ASCII text",
            input::masked_text(&input::other_scripts()),
            &input::other_scripts(),
        ),
        decode("64 KiB text", input::masked_text(&input::text(64 << 10)), &input::text(64 << 10)),
        decode("1 MiB binary", input::masked_binary(input::text(1 << 20).as_bytes()), ""),
        decode_reads("16 B text", short.in_reads(PACKET_BYTES)),
        decode_reads("128 B text", medium.in_reads(PACKET_BYTES)),
        decode_reads("1 KiB text", long.in_reads(PACKET_BYTES)),
        encode(),
        encode_masked("16 B binary", b"{\"n\":1,\"ok\":true"),
        encode_masked("1 KiB binary", input::text(1 << 10).into_bytes().leak()),
        deflate("5 B text", b"Hello"),
        deflate("1 KiB text", input::text(1 << 10).into_bytes().leak()),
    ]
}

/// Masked messages that lie ready. `text` is empty for what nobody checks.
fn decode(name: &'static str, input: Input, text: &str) -> Case {
    let mut subjects = vec![Subject::ours("ws-frame", IN_PLACE, ours::Decode::new(input))];
    subjects.extend(ours(input));
    subjects.extend(peers(input));
    subjects.push(Subject::floor("floor: memcpy", floor::Copy::new(input)));
    subjects.push(Subject::floor("floor: XOR", floor::ExclusiveOr::new(input)));
    if !text.is_empty() {
        let check = floor::CheckText::new(text, input.messages);
        subjects.push(Subject::floor("floor: simdutf8", check));
    }
    Case::of(DECODE, name, input, subjects)
}

/// The same, cut by packets: a read ends inside nearly every message.
fn decode_reads(name: &'static str, input: Input) -> Case {
    let mut subjects = vec![Subject::ours("ws-frame", CUT, ours::DecodeReads::new(input))];
    subjects.extend(ours(input));
    subjects.extend(peers(input));
    let copied = floor::CopyTails::new(input);
    subjects.push(Subject::floor("floor: copied tails", copied));
    subjects.push(Subject::floor("floor: memcpy", floor::Copy::new(input)));
    Case::of(DECODE_READS, name, input, subjects)
}

/// Ours where the peers are. The first that reads from the pipe is what those are compared with.
fn ours(input: Input) -> [Subject; 3] {
    [
        Subject::ours(FROM_PIPE, IN_PLACE_COPIED, ours_owned::DecodePipe::new(input)).piped(),
        Subject::ours(SOCKET, OWNED, ours_owned::Receive::new(input)).piped(),
        Subject::ours(CODEC, OWNED_READY, ours_owned::Codec::new(input)),
    ]
}

fn peers(input: Input) -> [Subject; 9] {
    [
        Subject::peer("tungstenite", COPIES, tungstenite::Decode::new(input)).piped(),
        Subject::peer("tokio-websockets", COPIES, tokio_websockets::Decode::new(input)).piped(),
        Subject::peer("fastwebsockets", COPIES, fastwebsockets::Decode::new(input)).piped(),
        Subject::peer("wtx", LENDS, wtx::Decode::new(input)).piped(),
        Subject::peer("web-socket", ALLOCATES, web_socket::Decode::new(input)).piped(),
        Subject::peer("soketto", COPIES_TWICE, soketto::Decode::new(input)).piped(),
        Subject::peer("yawc (codec)", READY_MADE, yawc::Decode::new(input)),
        Subject::peer("actix-http (codec)", READY_MADE, actix_http::Decode::new(input)),
        Subject::peer("actix-ws", COALESCES, actix_ws::Decode::new(input)),
    ]
}

/// Masked messages, as a client sends them, into a buffer that is used again.
fn encode_masked(name: &'static str, payload: &'static [u8]) -> Case {
    const MESSAGES: usize = 1 << 8;
    let subjects = vec![
        Subject::ours("ws-frame", MASKS, ours_owned::EncodeMasked::new(payload, MESSAGES)),
        Subject::peer("tungstenite", MASKS, tungstenite::EncodeMasked::new(payload, MESSAGES)),
        Subject::peer(
            "tokio-websockets",
            MASKS,
            tokio_websockets::EncodeMasked::new(payload, MESSAGES),
        ),
        Subject::floor("floor: memcpy", floor::CopyEach::new(payload, MESSAGES)),
    ];
    Case { group: ENCODE_MASKED, name, messages: MESSAGES, bytes: payload.len() + 6, subjects }
}

/// Messages that are compressed one by one, each for itself.
fn deflate(name: &'static str, payload: &'static [u8]) -> Case {
    const MESSAGES: usize = 1 << 6;
    let ours = |level| ours_owned::Deflate::new(payload, MESSAGES, level);
    let subjects = vec![
        Subject::ours("ws-frame", "one deflater, level 6", ours(Level::DEFAULT)),
        Subject::ours("ws-frame, level 1", "one deflater", ours(Level::FASTEST)),
        Subject::floor("floor: memcpy", floor::CopyEach::new(payload, MESSAGES)),
    ];
    Case { group: DEFLATE, name, messages: MESSAGES, bytes: payload.len(), subjects }
}

/// Unmasked messages into a buffer that is used again, or as near to one as the peer lets come.
fn encode() -> Case {
    const PAYLOAD: &[u8] = b"{\"n\":1,\"ok\":true";
    const MESSAGES: usize = 1 << 10;
    let subjects = vec![
        Subject::ours("ws-frame", "", ours::Encode::new(PAYLOAD, MESSAGES)),
        Subject::peer(
            "tungstenite",
            "written one by one and flushed once; counts the payload's owners",
            tungstenite::Encode::new(PAYLOAD, MESSAGES),
        ),
        Subject::peer(
            "tokio-websockets",
            "queued and flushed once; counts the payload's owners",
            tokio_websockets::Encode::new(PAYLOAD, MESSAGES),
        ),
        Subject::peer(
            "fastwebsockets",
            "copies into a buffer of its own and from there",
            fastwebsockets::Encode::new(PAYLOAD, MESSAGES),
        ),
        Subject::peer(
            "yawc (codec)",
            "counts the payload's owners",
            yawc::Encode::new(PAYLOAD, MESSAGES),
        ),
        Subject::peer(
            "actix-http (codec)",
            "counts the payload's owners",
            actix_http::Encode::new(PAYLOAD, MESSAGES),
        ),
        Subject::peer(
            "actix-ws",
            "through the session's queue and the response body; 32 messages at a time",
            actix_ws::Encode::new(PAYLOAD, MESSAGES),
        ),
        Subject::floor("floor: memcpy", floor::CopyEach::new(PAYLOAD, MESSAGES)),
    ];
    let bytes = 2 + PAYLOAD.len();
    Case { group: ENCODE, name: "16 B binary", messages: MESSAGES, bytes, subjects }
}

pub(crate) const DECODE: &str = "websocket decode";
pub(crate) const DECODE_READS: &str = "websocket decode in 1400 B reads";
pub(crate) const ENCODE: &str = "websocket encode";
pub(crate) const ENCODE_MASKED: &str = "websocket encode masked";
pub(crate) const DEFLATE: &str = "websocket deflate";

/// Ours that the goals name.
pub(crate) const FROM_PIPE: &str = "ws-frame from the pipe";
pub(crate) const SOCKET: &str = "ws-frame WebSocket";
const CODEC: &str = "ws-frame MessageCodec";

const IN_PLACE: &str = "in place";
const CUT: &str = "in place; puts together what a read has cut";
const IN_PLACE_COPIED: &str = "copied into a buffer of the caller's, then in place";
const OWNED: &str = "copied into its buffer; owned messages that share it";
const OWNED_READY: &str = "gets its buffer ready made; owned messages that share it";
const LENDS: &str = "copies the input into its buffer, and lends it";
const ALLOCATES: &str = "through a BufReader; allocates each message; text checked for it";
const MASKS: &str = "a new mask for each message";
const COPIES: &str = "copies the input into its buffer";
const COPIES_TWICE: &str = "copies the input into its buffer and from there; text checked for it";
const READY_MADE: &str = "gets its buffer ready made; text checked for it";
const COALESCES: &str = "gets its buffer ready made; takes all reads that are ready at once";
