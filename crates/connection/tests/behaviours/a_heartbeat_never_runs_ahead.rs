//! A heartbeat says how far this connection has come, which is not where the log ends.
#![allow(missing_docs)]

use crate::common::{Server, TIDEWIRE, texts};
use tidewire_connection::Limits;

#[test]
fn a_heartbeat_never_runs_ahead() {
    // So little at a time that each of its own messages, which it wants no echo of, is a turn.
    let limits = Limits { gather_bytes_max: 3, ..Limits::default() };
    let mut server = Server::with(tidewire_broker::Limits::default(), limits);
    let mut connection = server.open(TIDEWIRE, &[("a", "now")]);
    server.output(&mut connection);
    for id in 1..=3 {
        let publish = format!(
            r#"{{"type":"publish","id":{id},"channel":"a","data":"own message","echo":false}}"#
        );
        server.ask(&mut connection, &publish);
    }
    // Only the answers: there is no room to look for messages beside them.
    server.write(&mut connection, usize::MAX, &mut Vec::new());
    let mut places = Vec::new();
    for _ in 0..3 {
        server.wait(&mut connection, 20_000);
        let mut output = Vec::new();
        server.write(&mut connection, usize::MAX, &mut output);
        let text = output.iter().position(|byte| *byte == 0x81).expect("a text frame");
        places.extend(texts(&output[text..]));
        server.input(&mut connection, b"\x8a\x80\0\0\0\0");
    }
    let place = |offset| format!(r#"{{"type":"position","position":"10-{offset}"}}"#);
    assert_eq!(places, [place(1), place(2), place(3)]);
}
