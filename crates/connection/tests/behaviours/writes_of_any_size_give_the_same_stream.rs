//! However little each write takes, the bytes are the same.
#![allow(missing_docs)]

use crate::common::{ALL, Server};
use tidewire_broker::{Content, Draft};
use tidewire_connection::Wire;

/// What `wire` carries of small and large messages, a loss and an answer, by writes of `bytes_max`.
fn stream(wire: Wire, large: usize, bytes_max: usize) -> Vec<u8> {
    let mut server = Server::keeping(3);
    for text in ["gone", "one", &"L".repeat(large), "two"] {
        server.text("a", text);
    }
    server.publish("b", Draft::new(Content::Binary([0xFE; 300].into())));
    let mut connection = server.open(wire, &[("*", "10-0")]);
    if matches!(wire, Wire::WebSocket(_)) {
        server.input(&mut connection, b"\x89\x84\0\0\0\0ping");
    }
    server.output_by(&mut connection, bytes_max)
}

#[test]
fn writes_of_any_size_give_the_same_stream() {
    for wire in ALL {
        let whole = stream(wire, 100, usize::MAX);
        assert!(whole.len() > 400);
        for bytes_max in 1..whole.len() {
            assert_eq!(stream(wire, 100, bytes_max), whole, "{wire:?} by {bytes_max}");
        }
    }
}

#[test]
fn also_where_a_message_is_large_enough_to_be_shared() {
    for wire in ALL {
        let whole = stream(wire, 70_000, usize::MAX);
        assert!(whole.len() > 70_000);
        for bytes_max in [997, 4_096, 4_097, 65_535, 65_536, 69_999] {
            assert_eq!(stream(wire, 70_000, bytes_max), whole, "{wire:?} by {bytes_max}");
        }
    }
}
