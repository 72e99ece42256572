//! Frames of a raw client go to the channel it follows; with several there is no saying which.
#![allow(missing_docs)]

use crate::common::{JSON, RAW, Server, frame};

#[test]
fn a_raw_socket_publishes_to_its_one_channel() {
    for wire in [RAW, JSON] {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("a", "now")]);
        let mut follower = server.open(crate::common::STREAM_RAW, &[("a", "now")]);
        server.input(&mut connection, &frame("hi"));
        server.input(&mut connection, b"\x02\x81\0\0\0\0\x01\x80\x81\0\0\0\0\xff");
        let url = "data:application/octet-stream;base64,Af8=";
        let received = crate::common::show(&server.output(&mut follower));
        assert_eq!(received, format!("3\r\nhi\n\r\n2a\r\n{url}\n\r\n"));
    }
}

#[test]
fn it_gets_back_what_it_published() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    server.input(&mut connection, &frame("hi"));
    assert_eq!(server.output(&mut connection), b"\x81\x02hi");
}

#[test]
fn with_several_channels_or_a_pattern_it_may_not() {
    for subscriptions in [&[("a", "now"), ("b", "now")][..], &[("a.*", "now")], &[("$a", "now")]] {
        let mut server = Server::new();
        let mut connection = server.open(RAW, subscriptions);
        server.input(&mut connection, &frame("hi"));
        let output = server.output(&mut connection);
        assert_eq!((output[0], &output[2..4]), (0x88, &b"\x03\xf0"[..]));
        assert_eq!(server.worker.broker.head(), 0);
    }
}
