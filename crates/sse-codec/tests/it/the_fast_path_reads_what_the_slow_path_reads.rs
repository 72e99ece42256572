//! An event of one line takes a short way through the parser. A comment before it sends the same
//! event the long way.

use crate::feed::{feed_every_way, message};
use sse_codec::{Field, Limits};

#[test]
fn the_fast_path_reads_what_the_slow_path_reads() {
    for (len, end) in (0..40).flat_map(|len| ["\n\n", "\r\n\r\n", "\r\r"].map(|end| (len, end))) {
        for odd in [&b""[..], b"\xC3\xA9", b"\xFF", b"\xE2\x80", b"\r", b"\0", b"\ndata: "] {
            let line = [&b"data: "[..], odd, &b"x".repeat(len), odd, end.as_bytes()].concat();
            let short = [&line[..], &line, b"data: 2\n\n"].concat();
            let long = [b":\n", &line[..], b":\n", &line, b":\ndata: 2\n\n"].concat();
            let [short, long] = [short, long].map(|wire| feed_every_way(Limits::default(), &wire));
            assert_eq!(short, long, "{}", line.escape_ascii());
            assert_eq!(short.seen.last(), Some(&message("2")));
        }
    }
}

#[test]
fn the_short_way_keeps_the_limit() {
    let limits = Limits::new().data_bytes_max(20);
    for len in 18..23 {
        let wire = format!("data: {}\n\ndata: ok\n\n", "x".repeat(len));
        let outcome = feed_every_way(limits, wire.as_bytes());
        let refused = (len > 20).then_some((Field::Data, 20));
        assert_eq!(outcome.refused.map(|error| (error.field, error.bytes_max)), refused);
        assert_eq!(outcome.seen.len(), if len > 20 { 0 } else { 2 });
    }
}
