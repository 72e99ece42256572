//! What the public [web-platform-tests] send to a browser's parser, by the names they have there.
//!
//! Left out is what no parser sees: `format-mime-*` judge the response's Content-Type, `request-*`
//! and `eventsource-*` the request, the connection and the object. What those send besides is the
//! last case here. `submissions/MOSQUITO` asks a server that is long gone.
//!
//! [web-platform-tests]: https://github.com/web-platform-tests/wpt/tree/master/eventsource

use crate::feed::{assert_seen, event, feed_every_way, message, retry};
use sse_codec::{Item, Limits, Parser};

#[test]
fn event_data() {
    assert_seen(
        b"data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n",
        &[message("msg\nmsg"), message(""), message("end")],
    );
}

#[test]
fn format_bom() {
    assert_seen(
        b"\xEF\xBB\xBFdata:1\n\n\xEF\xBB\xBFdata:2\n\ndata:3\n\n\n",
        &[message("1"), message("3")],
    );
}

#[test]
fn format_bom_2() {
    assert_seen(
        b"\xEF\xBB\xBF\xEF\xBB\xBFdata:1\n\ndata:2\n\ndata:3\n\n\n",
        &[message("2"), message("3")],
    );
}

#[test]
fn format_comments() {
    let long = "x".repeat(2048);
    let wire =
        format!("data:1\r:\0\n:\r\ndata:2\n:{long}\rdata:3\n:data:fail\r:{long}\ndata:4\n\n");
    assert_seen(wire.as_bytes(), &[message("1\n2\n3\n4")]);
}

#[test]
fn format_data_before_final_empty_line() {
    let outcome =
        feed_every_way(Limits::default(), b"retry:1000\ndata:test1\n\nid:test\ndata:test2\n");
    assert_eq!(outcome.seen, [retry(1000), message("test1")]);
    assert_eq!(outcome.last_event_id, "");
}

#[test]
fn format_field_data() {
    assert_seen(
        b"data:\n\ndata\ndata\n\ndata:test\n\n\n",
        &[message(""), message("\n"), message("test")],
    );
}

#[test]
fn format_field_event() {
    assert_seen(b"event:test\ndata:x\n\ndata:x\n\n\n", &[event("test", "x", ""), message("x")]);
}

#[test]
fn format_field_event_empty() {
    assert_seen(b"event: \ndata:data\n\n\n", &[message("data")]);
}

#[test]
fn format_field_id() {
    assert_over_reconnects(
        &["id: …\nretry: 200\ndata: hello\n\n", "data: …\n\n"],
        &[("hello", "…"), ("…", "…")],
    );
}

#[test]
fn format_field_id_2() {
    assert_over_reconnects(
        &["id: …\nretry: 200\ndata: hello\n\n", "data: …\n\n", "data: …\n\n"],
        &[("hello", "…"), ("…", "…"), ("…", "…")],
    );
}

#[test]
fn format_field_id_3() {
    let [one, two] = ["1", "2"].map(|text| event("message", text, text));
    assert_seen(b"id: 1\ndata: 1\n\ndata:2\n\n", &[one.clone(), event("message", "2", "1")]);
    assert_seen(
        b"id: 1\ndata: 1\n\nid: 2\ndata:2\n\ndata:3\n\n",
        &[one.clone(), two, event("message", "3", "2")],
    );
    assert_seen(b"id: 1\ndata: 1\n\nid:\ndata:2\n\ndata:3\n\n", &[one, message("2"), message("3")]);
}

#[test]
fn format_field_id_null() {
    for id in ["\0\0", "x\0", "\0x", "x\0x", " \0"] {
        let wire = format!("id: {id}\nretry: 200\ndata: hello\n\n");
        assert_seen(wire.as_bytes(), &[retry(200), message("hello")]);
        assert_over_reconnects(&[&wire, &wire], &[("hello", ""), ("hello", "")]);
    }
}

#[test]
fn format_field_parsing() {
    assert_seen(
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
        &[message("\0\n 2\n1\n3\n\n4")],
    );
}

#[test]
fn format_field_retry() {
    assert_seen(b"retry:03000\ndata:x\n\n\n", &[retry(3000), message("x")]);
}

#[test]
fn format_field_retry_bogus() {
    assert_seen(b"retry:3000\nretry:1000x\ndata:x\n\n\n", &[retry(3000), message("x")]);
}

#[test]
fn format_field_retry_empty() {
    assert_seen(b"retry\ndata:test\n\n\n", &[message("test")]);
}

#[test]
fn format_field_unknown() {
    assert_seen(
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n\n",
        &[message("test\n\ntest")],
    );
}

#[test]
fn format_leading_space() {
    assert_seen(b"data:\ttest\rdata: \ndata:test\n\n\n", &[message("\ttest\n\ntest")]);
}

#[test]
fn format_newlines() {
    assert_seen(b"data:test\r\ndata\ndata:test\r\n\r\n", &[message("test\n\ntest")]);
}

#[test]
fn format_null_character() {
    assert_seen(b"data:\0\n\n\n\n\n", &[message("\0")]);
}

#[test]
fn format_utf_8() {
    assert_seen(b"data:ok\xE2\x80\xA6\n\n\n", &[message("ok…")]);
}

/// `eventsource-onmessage`, `-eventtarget`, `-close`, `-reconnect`, `-request-cancellation` and the
/// like: plain streams, from which a browser has to receive something or learn when to reconnect.
#[test]
fn what_the_other_cases_send() {
    assert_seen(b"data: data\n\n\n", &[message("data")]);
    assert_seen(b"retry: 2\n", &[retry(2)]);
    assert_seen(b"retry: 2\ndata: opened\n\n", &[retry(2), message("opened")]);
    assert_seen(b"retry:1000\ndata:abc\n\n\n\n\n", &[retry(1000), message("abc")]);
}

/// Asserts data and last event id of the events that one parser reads from stream after stream, each in pieces of
/// every length.
#[track_caller]
fn assert_over_reconnects(streams: &[&str], expected: &[(&str, &str)]) {
    for piece_len in 1..=streams[0].len() {
        let mut parser = Parser::new();
        let mut received = Vec::new();
        for stream in streams {
            parser.restart();
            for mut piece in stream.as_bytes().chunks(piece_len) {
                while let Some(item) = parser.parse(&mut piece).unwrap() {
                    if let Item::Event(event) = item {
                        received.push((event.data.to_owned(), event.last_event_id.to_owned()));
                    }
                }
            }
        }
        let expected = expected.iter().map(|(data, id)| (data.to_string(), id.to_string()));
        assert_eq!(received, expected.collect::<Vec<_>>(), "in pieces of {piece_len}");
    }
}
