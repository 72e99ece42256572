//! A raw WebSocket says nothing of tombstones, however many stand in the way.
#![allow(missing_docs)]

use crate::common::{RAW, Server};
use tidewire_broker::{Content, Draft};

#[test]
fn what_a_wire_leaves_out_does_not_hold_up_the_rest() {
    let mut server = Server::new();
    let mut connection = server.open(RAW, &[("a", "now")]);
    (0..5_000).for_each(|_| server.publish("a", Draft::new(Content::Nothing)));
    server.text("a", "hi");
    server.text("a", "ho");
    let mut output = server.output_by(&mut connection, 1);
    assert_eq!(output, b"", "it has read enough for one turn");
    for _turn in 0..10 {
        server.wait(&mut connection, 0);
        output.extend(server.output_by(&mut connection, 1));
    }
    assert_eq!(output, b"\x81\x02hi\x81\x02ho");
}
