//! Sixty seconds without a byte taken; its cursor is its own.
#![allow(missing_docs)]

use crate::common::{ALL, Server};
use tidewire_connection::{CloseReason, Connection};

#[test]
fn a_reader_that_takes_nothing_is_disconnected() {
    check_let_go(|_, _| {});
}

#[test]
fn a_write_that_is_tried_again_in_vain_gives_no_more_time() {
    // What the client says wakes the task, which then tries to write.
    check_let_go(|server, connection| {
        assert!(server.write(connection, 0, &mut Vec::new()));
    });
}

/// Checks that the time of a client that takes nothing is over when it should be, on every wire,
/// though it speaks meanwhile and `then` happens each time.
fn check_let_go(then: impl Fn(&mut Server, &mut Connection)) {
    for wire in ALL {
        let (mut server, mut connection) = Server::opened(wire);
        server.text("a", "x");
        server.write(&mut connection, 0, &mut Vec::new());
        for _ in 0..6 {
            // A client may speak and yet not read.
            server.input(&mut connection, b"\x8a\x80\0\0\0\0");
            server.wait(&mut connection, 9_999);
            then(&mut server, &mut connection);
        }
        assert_eq!(connection.close_reason(), None, "{wire:?}");
        server.wait(&mut connection, 6);
        assert_eq!(connection.close_reason(), Some(CloseReason::Stalled), "{wire:?}");
    }
}
