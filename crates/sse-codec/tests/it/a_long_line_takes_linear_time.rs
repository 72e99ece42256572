//! A line fed byte by byte costs as many steps as it has bytes. If each byte made the parser search the whole line
//! again, this would be 2^39 steps and run for minutes.

use crate::feed::{feed, message};
use sse_codec::Limits;
use std::time::{Duration, Instant};

const LEN: usize = 1 << 20;

#[test]
fn a_megabyte_byte_by_byte_is_done_in_seconds() {
    let started = Instant::now();
    for start in ["data:", ":", "unknown:", "x"] {
        let wire = format!("{start}{}\n\ndata:x\n\n", "y".repeat(LEN));
        let outcome = feed(Limits::default(), wire.as_bytes().chunks(1));
        assert_eq!(outcome.seen.last(), Some(&message("x")));
    }
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn as_many_short_lines_byte_by_byte_are_done_in_seconds() {
    let started = Instant::now();
    let wire = format!("{}\n", "data:x\n".repeat(LEN / 8));
    let outcome = feed(Limits::default(), wire.as_bytes().chunks(1));
    assert_eq!(outcome.seen, [message(&vec!["x"; LEN / 8].join("\n"))]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}
