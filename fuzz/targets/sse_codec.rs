//! Any bytes, cut anywhere: `sse-codec` sees what the specification's steps see, within its memory.
//!
//! An input is the limits, whether to repeat the stream, the cuts, and then the stream. What was seen
//! is written again and read once more, and the stream as text is tried as the value of every field.

#![no_main]

mod choices;
#[path = "../../crates/sse-codec/tests/it/feed.rs"]
#[expect(dead_code, reason = "its assertions are for literal streams")]
mod feed;
#[path = "../../crates/sse-codec/tests/it/model.rs"]
mod model;

use allocation_counter::measure;
use choices::Choices;
use feed::{Outcome, Seen, feed};
use libfuzzer_sys::fuzz_target;
use model::interpret;
use sse_codec::{Block, EncodeError, Limits, Parser};

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    // Small, so that streams reach them and hold far more than they allow.
    let limits = Limits::new().data_bytes_max((choices.byte() % 64).into());
    let limits = limits.field_bytes_max((choices.byte() % 64).into());
    let is_repeated = choices.byte().is_multiple_of(8);
    let cuts = choices.cuts();
    let wire = choices.wire();

    let expected = interpret(wire);
    assert_eq!(feed(Limits::default(), [wire]), expected, "whole");
    assert_eq!(feed(Limits::default(), cuts.chunks(wire)), expected, "in chunks");
    assert_eq!(feed(Limits::default(), wire.chunks(1)), expected, "byte by byte");

    let limited = feed(limits, [wire]);
    assert_eq!(feed(limits, cuts.chunks(wire)), limited, "limited, in chunks");
    assert_eq!(feed(limits, wire.chunks(1)), limited, "limited, byte by byte");
    assert_is_a_beginning(&limited, &expected);
    // Takes ten times as long as all else.
    if is_repeated {
        assert_memory_is_bounded(limits, wire, &cuts.chunks(wire));
    }

    assert_is_seen_again(&expected);
    assert_any_text_is_written_or_refused(&String::from_utf8_lossy(wire));
});

/// What limits cut short is otherwise the same.
fn assert_is_a_beginning(limited: &Outcome, unlimited: &Outcome) {
    match limited.refused {
        None => assert_eq!(limited, unlimited),
        Some(_) => assert!(unlimited.seen.starts_with(&limited.seen), "{limited:?} {unlimited:?}"),
    }
}

/// However long the stream is, the parser never has more allocated than its limits say.
fn assert_memory_is_bounded(limits: Limits, wire: &[u8], chunks: &[&[u8]]) {
    let mut parser = Parser::with_limits(limits);
    let times = STREAM_BYTES_MIN / wire.len().max(1);
    let bytes_max = (2 * limits.data_bytes_max + 8 * limits.field_bytes_max + 1_024) as i64;
    let mut held = 0;
    for mut chunk in chunks.iter().copied().cycle().take(times * chunks.len()) {
        let call = measure(|| while let Ok(Some(_)) = parser.parse(&mut chunk) {});
        let most = held + call.bytes_max as i64;
        assert!(most <= bytes_max, "{most} bytes of {bytes_max} under {limits:?}");
        held += call.bytes_current;
    }
}

fn assert_is_seen_again(outcome: &Outcome) {
    let mut wire = Vec::new();
    let mut expected = Outcome::default();
    for seen in &outcome.seen {
        if let Seen::Event { event, data, last_event_id } = seen {
            let block = Block::new().id(last_event_id).name(event).data(data);
            // A reader takes NUL in a name, a writer does not.
            let refused = event.contains('\0').then_some(EncodeError::Name);
            assert_eq!(block.encode(&mut wire).err(), refused, "{seen:?} was read");
            if refused.is_some() {
                continue;
            }
            expected.seen.push(seen.clone());
            expected.last_event_id.clone_from(last_event_id);
        }
    }
    assert_eq!(feed(Limits::default(), [&wire[..]]), expected);
}

fn assert_any_text_is_written_or_refused(text: &str) {
    let (mut wire, is_refused) = (Vec::new(), text.contains(['\r', '\n', '\0']));
    let id = Block::new().id(text);
    assert_eq!(id.encode(&mut wire).err(), is_refused.then_some(EncodeError::Id));
    let event = Block::new().name(text);
    assert_eq!(event.encode(&mut wire).err(), is_refused.then_some(EncodeError::Name));

    wire.clear();
    let data = Block::new().comment(text).data(text);
    assert_eq!(data.encode(&mut wire), Ok(()));
    assert_eq!(wire.len(), data.encoded_len());
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(feed(Limits::default(), [&wire[..]]).seen, [feed::message(&lines)]);
}

/// Twice what is ever allowed to be held.
const STREAM_BYTES_MIN: usize = 8 << 10;
