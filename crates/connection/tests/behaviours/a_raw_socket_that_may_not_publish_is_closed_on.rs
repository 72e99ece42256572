//! A raw client would take an error for a message: why it may not publish is in the close.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{JSON, RAW, Server, frame, show};
use tidewire_broker::{Options, Publishers, Rule, Rules};

/// A server whose channel `a` has a rule of its own.
fn server(rule: Rule) -> Server {
    let rules = Rules::new(Options::default(), [("a".parse().unwrap(), rule)]);
    let broker = tidewire_broker::Limits { rules, ..Default::default() };
    Server::with(broker, tidewire_connection::Limits::default())
}

/// The close that a raw client's frame is answered with.
fn close_of(rule: Rule, text: &str) -> (Vec<u8>, String) {
    let mut closes = [RAW, JSON].map(|wire| {
        let mut server = server(rule);
        let mut connection = server.open(wire, &[("a", "now")]);
        server.output(&mut connection);
        server.input(&mut connection, &frame(text));
        let output = server.output(&mut connection);
        assert_eq!(output[0], 0x88, "{wire:?}: {}", show(&output));
        (output[2..4].to_vec(), show(&output[4..]))
    });
    assert_eq!(closes[0], closes[1]);
    std::mem::take(&mut closes[0])
}

#[test]
fn a_channel_for_others_says_so() {
    let rule = Rule { publishers: Some(Publishers::Requests), ..Rule::default() };
    let reason = "the channel accepts no messages from subscribers; publish over HTTP";
    assert_eq!(close_of(rule, "hi"), (vec![0x03, 0xF0], reason.to_owned()));
}

#[test]
fn a_compacted_channel_wants_keys() {
    let rule = Rule { compact: Some(true), ..Rule::default() };
    let (code, reason) = close_of(rule, "hi");
    assert_eq!(code, [0x03, 0xF0]);
    assert!(reason.starts_with("the channel is compacted: a message needs a key"), "{reason}");
}

#[test]
fn a_frame_is_held_to_its_channels_size() {
    let rule = Rule { message_bytes_max: Some(3), ..Rule::default() };
    let (code, _) = close_of(rule, "four");
    assert_eq!(code, [0x03, 0xF1]);
}
