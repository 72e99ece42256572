//! What the encoder appends, byte for byte, and what it refuses to.

use sse_codec::{Block, EncodeError};
use std::time::Duration;

/// However much room there is before it is written.
#[track_caller]
fn assert_written(block: Block<'_>, expected: &[u8]) {
    for room_bytes in 0..expected.len() + 2 {
        let mut output = Vec::with_capacity(b"before".len() + room_bytes);
        output.extend(b"before");
        assert_eq!(block.encode(&mut output), Ok(()));
        let written = output.strip_prefix(b"before").unwrap();
        assert_eq!(written.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }
    assert_eq!(block.encoded_len(), expected.len());
}

fn data(data: &str) -> Block<'_> {
    Block::new().data(data)
}

#[test]
fn a_block_names_its_fields_in_order() {
    let block = Block::new()
        .comment("hi")
        .retry(Duration::from_millis(2500))
        .id("k3f9a-1042")
        .name("said")
        .data("{}");
    assert_written(block, b": hi\nretry: 2500\nid: k3f9a-1042\nevent: said\ndata: {}\n\n");
}

#[test]
fn every_field_may_stand_alone() {
    let none = Block::default();
    assert_written(none, b"\n");
    assert_written(none.comment("ping"), b": ping\n\n");
    assert_written(none.retry(Duration::ZERO), b"retry: 0\n\n");
    assert_written(none.id("x"), b"id: x\n\n");
    assert_written(none.id(""), b"id: \n\n");
    assert_written(none.name("e"), b"event: e\n\n");
    assert_written(data("x"), b"data: x\n\n");
    assert_written(data(""), b"data: \n\n");
}

#[test]
fn every_line_of_data_has_its_own() {
    assert_written(data("a\nb\rc\r\nd"), b"data: a\ndata: b\ndata: c\ndata: d\n\n");
    assert_written(data("\n"), b"data: \ndata: \n\n");
    assert_written(data("\r\n"), b"data: \ndata: \n\n");
    assert_written(data("\n\r"), b"data: \ndata: \ndata: \n\n");
    assert_written(data("a\n"), b"data: a\ndata: \n\n");
}

#[test]
fn every_line_of_a_comment_has_its_own() {
    let block = Block::new().comment("a\rdata: b\r\n\nc");
    assert_written(block, b": a\n: data: b\n: \n: c\n\n");
}

#[test]
fn a_space_that_belongs_to_the_value_survives() {
    let block = Block::new().id(" 1").name(" e").data(" x");
    assert_written(block, b"id:  1\nevent:  e\ndata:  x\n\n");
}

#[test]
fn a_retry_is_whole_milliseconds_however_long() {
    let block = |retry| Block::new().retry(retry);
    assert_written(block(Duration::from_micros(1999)), b"retry: 1\n\n");
    assert_written(block(Duration::MAX), b"retry: 18446744073709551615999\n\n");
}

#[test]
fn a_value_that_would_forge_a_line_is_refused_and_nothing_written() {
    for forged in ["1\ndata: forged", "1\r", "\n", "\r\n\r\n"] {
        for room_bytes in 0..40 {
            let mut output = Vec::with_capacity(b"before".len() + room_bytes);
            output.extend(b"before");
            let id = data("x").id(forged);
            assert_eq!(id.encode(&mut output), Err(EncodeError::Id));
            let event = data("x").name(forged);
            assert_eq!(event.encode(&mut output), Err(EncodeError::Name));
            assert_eq!(output, b"before");
        }
    }
}

#[test]
fn other_control_characters_are_like_any_other() {
    let block = data("\t\x01\x0B").id("\t1").name("a\tb");
    assert_written(block, b"id: \t1\nevent: a\tb\ndata: \t\x01\x0B\n\n");
}

#[test]
fn nul_is_refused_in_an_id_and_a_name_and_is_data_like_any_other() {
    let id = data("x").id("1\0");
    let error = id.encode(&mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "an event id cannot hold CR, LF or NUL");
    let event = data("x").name("\0");
    let error = event.encode(&mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "an event name cannot hold CR, LF or NUL");
    assert_written(data("\0"), b"data: \0\n\n");
}

#[test]
fn room_is_made_once_and_exactly() {
    let mut output = Vec::new();
    data(&"line\n".repeat(1000)).encode(&mut output).unwrap();
    assert_eq!((output.len(), output.capacity()), (11_008, 11_008));
}

#[cfg(feature = "bytes")]
#[test]
fn bytes_of_other_crates_are_written_alike() {
    let block = data("a\nb").id("7").name("said");
    for room_bytes in 0..40 {
        let mut output = Vec::with_capacity(room_bytes);
        let mut bytes = bytes::BytesMut::with_capacity(room_bytes);
        for _ in 0..2 {
            block.encode(&mut output).unwrap();
            block.encode(&mut bytes).unwrap();
            assert_eq!(bytes, output);
        }
    }
}
