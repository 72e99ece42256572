//! A retry of ASCII digits counts at once and needs no event. Anything else is ignored.

use crate::feed::{assert_seen, message, retry};

#[test]
fn leading_zeros_do_not_make_it_octal() {
    assert_seen(b"retry:02000\ndata:x\n\n", &[retry(2000), message("x")]);
}

#[test]
fn a_bogus_retry_leaves_the_last_one() {
    assert_seen(b"retry:3000\nretry:1000x\ndata:x\n\n", &[retry(3000), message("x")]);
}

#[test]
fn an_empty_retry_is_ignored() {
    assert_seen(b"retry\nretry:\nretry: \ndata:x\n\n", &[message("x")]);
}

#[test]
fn only_digits_count() {
    for bogus in ["-1", "+1", "1.5", "1e3", "  1", "1 ", "0x10", "\u{661}", "1\0"] {
        assert_seen(format!("retry:{bogus}\n").as_bytes(), &[]);
    }
}

#[test]
fn a_retry_counts_before_the_block_ends_and_within_one() {
    assert_seen(b"retry: 10\n", &[retry(10)]);
    assert_seen(b"data:1\nretry:0\ndata:2\nretry:7\n\n", &[retry(0), retry(7), message("1\n2")]);
}

#[test]
fn a_number_too_large_is_the_largest() {
    assert_seen(b"retry:18446744073709551615\n", &[retry(18_446_744_073_709_551_615)]);
    assert_seen(b"retry:99999999999999999999999999\n", &[retry(18_446_744_073_709_551_615)]);
}
