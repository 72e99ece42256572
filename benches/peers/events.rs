//! The event-stream cases: what a client receives, cut as a network cuts it, and what a server writes.

mod async_sse;
mod eventsource_stream;
mod goto_sse_codec;
mod ours;
mod sse_stream;
mod sseer;

use crate::case::{Case, Subject};
use crate::floor;
use crate::input::{self, Input, PACKET_BYTES};
use futures_util::Stream;
use sse_codec::Block;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Every case of an event stream.
pub(crate) fn cases() -> Vec<Case> {
    let delta: &str = input::text(150).leak();
    let three_lines = [input::text(40), input::text(40), input::text(40)].join("\n");
    let large = input::text(64 << 10);
    let said = Block::new().id("k3f9a-1042").name("said");

    let large = input::stream(Block::new().data(&large));
    let tiny = input::stream(Block::new().data("x"));
    let delta_stream = input::stream(Block::new().data(delta));
    let three_lines = input::stream(said.data(&three_lines));
    vec![
        decode("tiny", tiny),
        decode("tiny, one a read", tiny.one_a_read()),
        decode("150 B delta", delta_stream),
        decode("150 B delta, one a read", delta_stream.one_a_read()),
        decode("150 B delta in 1400 B reads", delta_stream.in_reads(PACKET_BYTES)),
        decode("id + event + 3 lines", three_lines),
        decode("id + event + 3 lines, one a read", three_lines.one_a_read()),
        decode("64 KiB event", large),
        decode("64 KiB event in 1400 B reads", large.in_reads(PACKET_BYTES)),
        decode("64 KiB event byte by byte", large.in_reads(1)),
        encode(said.data(delta)),
    ]
}

fn decode(name: &'static str, input: Input) -> Case {
    let subjects = vec![
        Subject::ours("sse-codec", "lends what lies in one piece", ours::Decode::new(input)),
        Subject::ours(OWNED, "a stream of owned events", ours::Own::new(input)),
        Subject::peer("sse-stream", OWNS, sse_stream::Decode::new(input)),
        Subject::peer("sseer", SHARES, sseer::Decode::new(input)),
        Subject::peer("eventsource-stream", OWNS, eventsource_stream::Decode::new(input)),
        Subject::peer("goto-bus-stop", NAMESAKE, goto_sse_codec::Decode::new(input)),
        Subject::peer("async-sse", OWNS, async_sse::Decode::new(input)),
        Subject::floor("floor: memcpy", floor::Copy::new(input)),
        Subject::floor("floor: memchr", floor::FindLines(input)),
    ];
    Case::of(DECODE, name, input, subjects)
}

fn encode(block: Block<'static>) -> Case {
    const MESSAGES: usize = 1 << 8;
    let mut wire = Vec::new();
    block.encode(&mut wire).unwrap();
    let wire: &[u8] = wire.leak();
    let subjects = vec![
        Subject::ours("sse-codec", "", ours::Encode::new(block, MESSAGES)),
        Subject::peer(
            "sse-stream",
            "copies the fields to own them; allocates for every event",
            sse_stream::Encode::new(block, MESSAGES),
        ),
        Subject::peer(
            "sse-stream (owned)",
            "is given fields that it may keep; allocates for every event",
            sse_stream::EncodeOwned::new(block, MESSAGES),
        ),
        Subject::floor("floor: memcpy", floor::CopyEach::new(wire, MESSAGES)),
    ];
    let name = "id + event + 150 B";
    Case { group: ENCODE, name, messages: MESSAGES, bytes: wire.len(), subjects }
}

/// The reads of an input as the stream of bytes that most peers take: always ready, and then over.
struct Reads(Input);

impl Stream for Reads {
    type Item = Result<&'static [u8], Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let len = self.0.read_bytes.min(self.0.wire.len());
        let read = self.0.wire.split_off(..len).filter(|read| !read.is_empty());
        Poll::Ready(read.map(Ok))
    }
}

/// Our stream of owned events, beside which peers that own are to be read.
pub(crate) const OWNED: &str = "sse-codec (owned)";
pub(crate) const DECODE: &str = "sse decode";
pub(crate) const ENCODE: &str = "sse encode";

const OWNS: &str = "allocates for every event";
const NAMESAKE: &str = "its sse-codec; allocates for every event";
const SHARES: &str = "shares the input where it can";
