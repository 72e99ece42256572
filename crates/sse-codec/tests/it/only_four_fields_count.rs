//! Comments, unknown fields and anything that only looks like a field are passed over.

use crate::feed::{assert_seen, event, message};

#[test]
fn comments_are_ignored_however_long() {
    let long = "x".repeat(2 * 1024);
    let wire =
        format!("data:1\r:\0\n:\r\ndata:2\n:{long}\rdata:3\n:data:fail\r:{long}\ndata:4\n\n");
    assert_seen(wire.as_bytes(), &[message("1\n2\n3\n4")]);
}

#[test]
fn names_match_to_the_letter() {
    assert_seen(
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
        &[message("\0\n 2\n1\n3\n\n4")],
    );
}

#[test]
fn unknown_fields_are_ignored() {
    assert_seen(
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        &[message("test\n\ntest")],
    );
}

#[test]
fn names_cut_short_or_run_on_are_unknown() {
    assert_seen(
        b"dat:1\ndataa:2\nevents:e\neven:e\nid2:3\ni:4\nretry2:5\nretr:6\ndata :7\ndata:x\n\n",
        &[message("x")],
    );
}

#[test]
fn one_leading_space_is_dropped_and_no_tab() {
    assert_seen(b"data:\ttest\rdata: \ndata:test\n\n", &[message("\ttest\n\ntest")]);
    assert_seen(b"event:  e \ndata:  x \n\n", &[event(" e ", " x ", "")]);
}

#[test]
fn a_value_keeps_its_colons() {
    assert_seen(b"data::a: b:\n\n", &[message(":a: b:")]);
}
