//! HTTP/1.0: no chunk framing, and the end of the connection is the end.
#![allow(missing_docs)]

use crate::common::{GRACE_MS, Server, show};
use tidewire_connection::{Format, Framing, Heartbeat, Wire};

#[test]
fn a_response_without_chunks_is_the_same_inside() {
    let framing = Framing::UntilClose;
    for (wire, whole) in [
        (
            Wire::Sse { format: Format::Raw, framing, heartbeat: Heartbeat::Block },
            "retry: 2000\nid: 10-0\n\nid: 10-1\ndata: hi\n\nretry: 9\nid: 10-1\nevent: $goodbye\n\
            data: {\"type\":\"goodbye\",\"code\":1012,\"position\":\"10-1\",\"retry_ms\":9}\n\n",
        ),
        (
            Wire::Sse { format: Format::Raw, framing, heartbeat: Heartbeat::Event },
            "retry: 2000\nid: 10-0\nevent: $position\n\
            data: {\"type\":\"position\",\"position\":\"10-0\",\"heartbeat_ms\":20000}\n\n\
            id: 10-1\ndata: hi\n\nretry: 9\nid: 10-1\nevent: $goodbye\n\
            data: {\"type\":\"goodbye\",\"code\":1012,\"position\":\"10-1\",\"retry_ms\":9}\n\n",
        ),
        (
            Wire::Stream { format: Format::Json, framing },
            "{\"position\":\"10-0\"}\n{\"channel\":\"a\",\"position\":\"10-1\",\"time\":5,\"data\":\"hi\"}\n\
            {\"type\":\"goodbye\",\"code\":1012,\"position\":\"10-1\",\"retry_ms\":9}\n",
        ),
        (Wire::Stream { format: Format::Raw, framing }, "hi\n"),
    ] {
        for bytes_max in [1, usize::MAX] {
            let mut server = Server::new();
            let mut connection = server.open(wire, &[("a", "now")]);
            server.text("a", "hi");
            let mut output = server.output_by(&mut connection, bytes_max);
            connection.dismiss(9, GRACE_MS, server.time);
            output.extend(server.output_by(&mut connection, bytes_max));
            assert_eq!(show(&output), whole);
        }
    }
}
