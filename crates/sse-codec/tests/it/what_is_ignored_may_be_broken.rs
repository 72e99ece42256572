//! Broken UTF-8 in a comment, an unknown field or a bad value is passed over like the rest of its
//! line, and takes nothing of the next line with it.

use crate::feed::{assert_seen, message};

/// Stray, never legal, and cut after one, two and three bytes.
const BROKEN: [&[u8]; 6] =
    [b"\x80", b"\xFF\xFE", b"\xC3", b"\xE2\x80", b"\xF0\x9F\xA6", b"\xED\xA0\x80"];

#[test]
fn whatever_line_it_ends() {
    for broken in BROKEN {
        for start in [&b":"[..], b"unknown:", b"unknown", b"data", b"retry:", b"retry:1", b"dat"] {
            for end in [&b"\n"[..], b"\r", b"\r\n"] {
                let wire = [b"data:1\n", start, broken, end, b"data:2\n\n"].concat();
                assert_seen(&wire, &[message("1\n2")]);
            }
        }
    }
}

#[test]
fn also_before_the_colon_that_it_seems_to_need() {
    for broken in BROKEN {
        let wire = [b"data", broken, b":1\n", broken, b"data:2\n", broken, b"\ndata:3\n\n"];
        assert_seen(&wire.concat(), &[message("3")]);
    }
}
