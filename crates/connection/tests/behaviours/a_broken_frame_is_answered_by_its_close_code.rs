//! Each way to break the protocol, and the code that says which.
#![allow(missing_docs, clippy::indexing_slicing)]

use crate::common::{RAW, Server, TIDEWIRE};
use tidewire_connection::{CloseReason, Wire};

/// The close code with which `input` is answered.
fn code_of(wire: Wire, input: &[u8]) -> u16 {
    let mut server = Server::new();
    let mut connection = server.open(wire, &[("a", "now")]);
    server.output(&mut connection);
    server.input(&mut connection, input);
    let output = server.output(&mut connection);
    assert_eq!(output[0], 0x88, "{output:?}");
    server.wait(&mut connection, 3_000);
    assert_eq!(connection.close_reason(), Some(CloseReason::Refused));
    u16::from_be_bytes([output[2], output[3]])
}

#[test]
fn a_broken_frame_is_answered_by_its_close_code() {
    for (code, input) in [
        (1002, &b"\x81\x01x"[..]),
        (1002, b"\xc1\x80\0\0\0\0"),
        (1002, b"\x83\x80\0\0\0\0"),
        (1002, b"\x80\x80\0\0\0\0"),
        (1002, b"\x88\x81\0\0\0\0x"),
        (1007, b"\x81\x81\0\0\0\0\xff"),
        (1007, b"\x01\x81\0\0\0\0\xc3\x80\x80\0\0\0\0"),
        (1009, b"\x82\xff\0\0\x01\0\0\0\0\0\0\0\0\0"),
    ] {
        assert_eq!(code_of(RAW, input), code, "{input:?}");
    }
}

#[test]
fn a_binary_frame_is_no_request() {
    assert_eq!(code_of(TIDEWIRE, b"\x82\x81\0\0\0\0x"), 1003);
}
