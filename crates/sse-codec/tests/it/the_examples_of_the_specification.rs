//! Every stream that [the specification] shows, with what it says of each.
//!
//! [the specification]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use crate::feed::{assert_seen, event, feed_every_way, message};
use sse_codec::Limits;

#[test]
fn three_messages_the_last_of_two_lines() {
    assert_seen(
        b"data: This is the first message.\n\n\
          data: This is the second message, it\ndata: has two lines.\n\n\
          data: This is the third message.\n\n",
        &[
            message("This is the first message."),
            message("This is the second message, it\nhas two lines."),
            message("This is the third message."),
        ],
    );
}

#[test]
fn named_events() {
    assert_seen(
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        &[event("add", "73857293", ""), event("remove", "2153", ""), event("add", "113411", "")],
    );
}

#[test]
fn a_stock_ticker() {
    assert_seen(b"data: YHOO\ndata: +2\ndata: 10\n\n", &[message("YHOO\n+2\n10")]);
}

#[test]
fn four_blocks_of_which_the_last_is_unfinished() {
    let wire = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n";
    let outcome = feed_every_way(Limits::default(), wire);
    assert_eq!(outcome.seen, [event("message", "first event", "1"), message("second event")]);
    assert_eq!(outcome.last_event_id, "");
    assert_seen(
        &[&wire[..], b"\n"].concat(),
        &[event("message", "first event", "1"), message("second event"), message(" third event")],
    );
}

#[test]
fn two_events_and_an_unfinished_one() {
    assert_seen(b"data\n\ndata\ndata\n\ndata:", &[message(""), message("\n")]);
}

#[test]
fn two_alike_since_one_space_is_dropped() {
    assert_seen(b"data:test\n\ndata: test\n\n", &[message("test"), message("test")]);
}
