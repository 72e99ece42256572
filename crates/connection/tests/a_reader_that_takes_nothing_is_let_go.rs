//! Sixty seconds without a byte taken; its cursor is its own.
#![allow(missing_docs)]

#[path = "common/common.rs"]
mod common;

use common::{ALL, Server};
use tidewire_connection::Parting;

#[test]
fn a_reader_that_takes_nothing_is_let_go() {
    for wire in ALL {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("a", "now")]);
        server.output(&mut connection);
        server.text("a", "x");
        server.write(&mut connection, 0, &mut Vec::new());
        for _ in 0..6 {
            // A client may speak and yet not read.
            server.input(&mut connection, b"\x8a\x80\0\0\0\0");
            server.wait(&mut connection, 9_999);
        }
        assert_eq!(connection.parting(), None, "{wire:?}");
        server.wait(&mut connection, 6);
        assert_eq!(connection.parting(), Some(Parting::Stalled), "{wire:?}");
    }
}

#[test]
fn a_write_that_is_tried_again_in_vain_gives_no_more_time() {
    for wire in ALL {
        let mut server = Server::new();
        let mut connection = server.open(wire, &[("a", "now")]);
        server.output(&mut connection);
        server.text("a", "x");
        server.write(&mut connection, 0, &mut Vec::new());
        for _ in 0..6 {
            // What it says wakes the task, which then tries to write.
            server.input(&mut connection, b"\x8a\x80\0\0\0\0");
            server.wait(&mut connection, 9_999);
            assert!(server.write(&mut connection, 0, &mut Vec::new()), "{wire:?}");
        }
        assert_eq!(connection.parting(), None, "{wire:?}");
        server.wait(&mut connection, 6);
        assert_eq!(connection.parting(), Some(Parting::Stalled), "{wire:?}");
    }
}

#[test]
fn one_byte_taken_is_enough_to_stay() {
    let mut server = Server::new();
    let mut connection = server.open(common::SSE, &[("a", "now")]);
    for _ in 0..3 {
        server.write(&mut connection, 1, &mut Vec::new());
        server.wait(&mut connection, 59_999);
    }
    assert_eq!(connection.parting(), None);
}
