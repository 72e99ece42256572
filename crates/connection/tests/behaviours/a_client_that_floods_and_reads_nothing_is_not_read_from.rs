//! Answers pile up to a limit; then input waits, and goes on where it stopped.
#![allow(missing_docs)]

use crate::common::{Server, TIDEWIRE, frame, texts};
use tidewire_connection::{CloseReason, Limits};

#[test]
fn a_client_that_floods_and_reads_nothing_is_not_read_from() {
    let limits = Limits { replies_bytes_max: 2_000, ..Limits::default() };
    let mut server = Server::with(tidewire_broker::Limits::default(), limits);
    (0..20).for_each(|_| server.text("a", &"x".repeat(50)));
    let mut connection = server.open(TIDEWIRE, &[]);
    server.output(&mut connection);
    let requests = (0..100).map(|id| format!(r#"{{"type":"history","id":{id},"channel":"a"}}"#));
    let flood: Vec<u8> = requests.flat_map(|request| frame(&request)).collect();
    let (mut most, mut pieces, mut output) = (0, flood.chunks(4_096), Vec::new());
    let mut turns = 0;
    while texts(&output).len() < 100 {
        while connection.wants_input(&server.worker)
            && let Some(piece) = pieces.next()
        {
            server.input(&mut connection, piece);
            most = most.max(connection.held_bytes());
        }
        // Once the client reads, what was parked is answered: a page a turn, so that others get one.
        output.extend(server.output(&mut connection));
        server.wait(&mut connection, 0);
        turns += 1;
        assert!(turns <= 101);
    }
    assert!(turns >= 99);
    assert!(most < 2_000 + 3_000 + 4_096, "{most}");
    let answers = texts(&output);
    assert_eq!(answers.len(), 100);
    for (id, answer) in answers.iter().enumerate() {
        assert!(answer.starts_with(&format!(r#"{{"type":"history","id":{id},"#)), "{answer}");
    }
}

#[test]
fn nor_is_one_that_floods_with_pings_and_it_is_disconnected() {
    let mut server = Server::new();
    let mut connection = server.open(TIDEWIRE, &[]);
    let ping: Vec<u8> = [&b"\x89\xfd\0\0\0\0"[..], &[b'p'; 125]].concat();
    let mut fed = 0;
    while connection.wants_input(&server.worker) && fed < 10_000_000 {
        server.input(&mut connection, &ping);
        fed += ping.len();
    }
    assert!(fed < 100_000 && connection.held_bytes() < 70_000, "{fed}");
    server.write(&mut connection, 0, &mut Vec::new());
    server.wait(&mut connection, 60_000);
    assert_eq!(connection.close_reason(), Some(CloseReason::Stalled));
}
