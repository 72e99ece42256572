//! A limit is inclusive, counts bytes as received, and breaks at the same event under any cut.

use crate::feed::{feed_every_way, message};
use sse_codec::{Field, Limits, Parser};

const LIMITS: Limits = Limits::new().data_bytes_max(5).field_bytes_max(3);

#[track_caller]
fn assert_refused(wire: &[u8], field: Field, bytes_max: usize) {
    let wire = [b"data:ok\n\n", wire].concat();
    let outcome = feed_every_way(LIMITS, &wire);
    assert_eq!(outcome.seen, [message("ok")], "{}", wire.escape_ascii());
    let refused = outcome.refused.map(|error| (error.field, error.bytes_max));
    assert_eq!(refused, Some((field, bytes_max)), "{}", wire.escape_ascii());
}

#[test]
fn values_up_to_their_limits_pass() {
    let wire = b"id: 123\nevent: abc\nretry: 100\ndata: 12345\n\ndata:12\ndata:34\n\n";
    let outcome = feed_every_way(LIMITS, wire);
    assert_eq!(outcome.seen.len(), 3);
    assert_eq!(outcome.refused, None);
}

#[test]
fn values_one_byte_over_are_refused_finished_or_not() {
    for end in ["", "\n\ndata:late\n\n"] {
        for (wire, field, bytes_max) in [
            ("data:123456", Field::Data, 5),
            ("data: 123456", Field::Data, 5),
            ("data:12\ndata:345", Field::Data, 5),
            ("data\ndata\ndata\ndata\ndata\ndata:1", Field::Data, 5),
            ("event:abcd", Field::Event, 3),
            ("id:1234", Field::Id, 3),
            ("retry:0001", Field::Retry, 3),
        ] {
            assert_refused(format!("{wire}{end}").as_bytes(), field, bytes_max);
        }
    }
}

#[test]
fn lines_of_no_data_add_up_too() {
    assert_refused(b"data\ndata\ndata\ndata\ndata\ndata\ndata\n", Field::Data, 5);
}

#[test]
fn a_name_cut_short_is_not_yet_a_value() {
    let outcome = feed_every_way(LIMITS, b"data:12345\ndatabase:x\n\n");
    assert_eq!((outcome.seen, outcome.refused), (vec![message("12345")], None));
}

#[test]
fn ignored_lines_may_have_any_length() {
    let long = "x".repeat(1000);
    let wire = format!(":{long}\n{long}:\n{long}\ndata{long}\nids:{long}\ndata:ok\n\n:{long}");
    let outcome = feed_every_way(LIMITS, wire.as_bytes());
    assert_eq!((outcome.seen, outcome.refused), (vec![message("ok")], None));
}

#[test]
fn a_refused_stream_stays_refused_until_restarted() {
    let mut parser = Parser::with_limits(LIMITS);
    let error = parser.parse(&mut &b"id:7\n\ndata:123456"[..]).unwrap_err();
    assert_eq!(error.to_string(), "the event's `data` is over the limit of 5 bytes");
    assert_eq!(parser.parse(&mut &b"\n\ndata:1\n\n"[..]), Err(error));
    parser.restart();
    assert_eq!(parser.last_event_id(), "7");
    assert!(matches!(parser.parse(&mut &b"data:1\n\n"[..]), Ok(Some(_))));
    assert_eq!(parser.parse(&mut &b"data:123456"[..]), Err(error));
}

#[test]
fn the_defaults_let_sixteen_mebibytes_pass_and_no_more() {
    let limits = Limits::default();
    assert_eq!((limits.data_bytes_max, limits.field_bytes_max), (16_777_216, 4096));
}
