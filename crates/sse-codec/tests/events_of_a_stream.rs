//! Events of a stream of bytes: the same whatever the cuts, owned, with every error of the stream.

#![allow(clippy::unwrap_used, reason = "a test may")]

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use sse_codec::{
    EventStream, EventStreamError, EventsExt as _, Limits, OwnedEvent, OwnedItem, Parser,
};
use std::{error::Error as _, io, time::Duration};

const WIRE: &[u8] =
    b": hi\nretry: 250\nid: 7\nevent: said\ndata: one\ndata: two\n\n:alive\n\ndata: \xC3\xA9\xFF\n\n";

/// All that a stream has, which is ready at once.
fn all<S: Stream>(stream: S) -> Vec<S::Item> {
    stream.collect::<Vec<_>>().now_or_never().unwrap()
}

/// The wire in pieces of that size, as a body brings them.
fn pieces(wire: &[u8], len: usize) -> impl Stream<Item = io::Result<Vec<u8>>> + Unpin {
    stream::iter(wire.chunks(len).map(|piece| Ok(piece.to_vec())).collect::<Vec<_>>())
}

fn said() -> OwnedEvent {
    OwnedEvent::new("said", "one\ntwo", Some("7"))
}

#[test]
fn events_are_read_whatever_the_cuts() {
    for len in 1..=WIRE.len() {
        let mut events = pieces(WIRE, len).events();
        assert_eq!(events.next().now_or_never().unwrap().unwrap().unwrap(), said(), "{len}");
        assert_eq!(
            (events.last_event_id(), events.retry()),
            ("7", Some(Duration::from_millis(250)))
        );
        let event = events.next().now_or_never().unwrap().unwrap().unwrap();
        assert_eq!((event.name(), event.data()), ("message", "é\u{FFFD}"), "{len}");
        assert_eq!((event.id(), event.last_event_id()), (None, "7"), "{len}");
        assert!(events.next().now_or_never().unwrap().is_none());
    }
}

#[test]
fn items_are_events_retries_and_the_comments_that_were_asked_for() {
    for len in 1..=WIRE.len() {
        let items = |parser| all(EventStream::with_parser(pieces(WIRE, len), parser).items());
        let items = |parser| items(parser).into_iter().map(Result::unwrap).collect::<Vec<_>>();
        let retry = OwnedItem::Retry(Duration::from_millis(250));
        let plain = items(Parser::new());
        assert_eq!(plain[..2], [retry.clone(), OwnedItem::Event(said())], "{len}");
        assert_eq!(plain.len(), 3, "{len}");
        let comment = |text: &str| OwnedItem::Comment(text.into());
        let reported = items(Parser::new().with_comments());
        let expected = [comment("hi"), retry, OwnedItem::Event(said()), comment("alive")];
        assert_eq!(reported[..4], expected, "{len}");
        assert_eq!(reported[4], plain[2], "{len}");
    }
}

#[test]
fn an_event_that_the_end_leaves_unfinished_is_none() {
    let wire = [WIRE, b"data: cut\n"].concat();
    assert_eq!(all(pieces(&wire, 5).events()).len(), 2);
}

#[test]
fn a_stored_id_is_the_last_one_until_the_stream_gives_another() {
    let parser = Parser::new().with_last_event_id("42");
    let body = pieces(b"data: x\n\nid\ndata: y\n\n", 4);
    let events = all(EventStream::with_parser(body, parser));
    let ids = events.iter().map(|event| {
        let event = event.as_ref().unwrap();
        (event.id(), event.last_event_id())
    });
    assert_eq!(ids.collect::<Vec<_>>(), [(None, "42"), (Some(""), "")]);
}

#[test]
fn an_error_of_the_stream_is_kept_as_it_is_and_the_stream_goes_on() {
    let body = stream::iter([Ok("data: a"), Err(io::Error::other("cut")), Ok("b\n\n")]);
    let mut events = body.events();
    let error = events.next().now_or_never().unwrap().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the event stream could not be read any further");
    assert_eq!(error.source().unwrap().to_string(), "cut");
    assert!(matches!(error, EventStreamError::Transport(error) if error.to_string() == "cut"));
    assert_eq!(events.next().now_or_never().unwrap().unwrap().unwrap().data(), "ab");
}

#[test]
fn a_value_over_its_limit_ends_the_stream() {
    let parser = Parser::with_limits(Limits::new().data_bytes_max(3));
    let body = pieces(b"data: 123\n\ndata: 1234\n\ndata: 1\n\n", 100);
    let mut events = EventStream::with_parser(body, parser);
    assert_eq!(events.next().now_or_never().unwrap().unwrap().unwrap().data(), "123");
    let error = events.next().now_or_never().unwrap().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the event stream has a value that is too long");
    let cause = error.source().unwrap().to_string();
    assert_eq!(cause, "the event's `data` is over the limit of 3 bytes");
    assert!(events.next().now_or_never().unwrap().is_none());
}

#[test]
fn an_error_need_not_be_one_of_the_standard_library() {
    let body = stream::iter([Err::<&str, &str>("cut")]);
    assert_eq!(all(body.events()), [Err(EventStreamError::Transport("cut"))]);
}

/// Allocations of reading events, with nothing else counted.
fn allocations(wire: &[u8], len: usize, first: usize) -> (u64, usize) {
    let pieces = wire.chunks(len).map(Ok::<_, io::Error>);
    let mut events = stream::iter(pieces).events();
    // Buffers reach their size with the first ones.
    for _ in 0..first {
        events.next().now_or_never().unwrap().unwrap().unwrap();
    }
    let mut seen = 0;
    let counted = allocation_counter::measure(|| {
        while let Some(event) = events.next().now_or_never().unwrap() {
            assert!(!event.unwrap().data().is_empty());
            seen += 1;
        }
    });
    (counted.count_total, seen)
}

#[test]
fn an_event_is_one_allocation_however_it_is_made_up_and_cut() {
    let short = b"data: x\n\n".repeat(200);
    let lines = b"id: 12\nevent: said\ndata: 1234567890\ndata: 1234567890\n\n".repeat(200);
    let long = [b"data: ", &vec![b'x'; 70_000][..], b"\n\n"].concat().repeat(10);
    for (what, wire, pieces, first) in [
        ("short", short, &[900, 9, 7, 1][..], 60),
        ("of lines", lines, &[10_000, 55, 20, 1], 60),
        ("long", long, &[1 << 20, 1_400], 2),
    ] {
        for len in pieces {
            let (counted, seen) = allocations(&wire, *len, first);
            assert!(seen > 5, "{what}");
            // A few more where a rare cut makes some other buffer reach its size.
            let more = counted.checked_sub(seen.try_into().unwrap()).unwrap();
            assert!(more <= 4, "{what}, by {len}: {more} more than {seen}");
        }
    }
}
