//! Grants that expire: the deadline gives the connection a turn, and no turn after it delivers anything.

use super::*;

const NDJSON: Wire = Wire::Stream { format: Format::Raw, framing: Framing::Chunked };
const WIRES: [Wire; 4] = [SSE, NDJSON, RAW, Wire::Tidewire];

/// A subscriber of `a` whose grant has `left_ms` left, and when that is over.
fn follow(server: &Server, wire: Wire, left_ms: u64) -> (Client, u64) {
    let now = server.worker_context.clock.now();
    let grant = Grant::open().until(now.wall_ms + left_ms);
    let opening = Opening { grant, ..opening(wire, "a", RequestedStart::NOW) };
    (server.open(opening), server.worker_context.clock.now().steady_ms + left_ms)
}

/// Waits without giving turns.
fn wait_until(server: &Server, steady_ms: u64) {
    while server.worker_context.clock.now().steady_ms < steady_ms {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_quiet_connection_is_woken_by_the_end_of_its_grant() {
    for wire in WIRES {
        let server = Server::start();
        let (client, end_ms) = follow(&server, wire, 200);
        server.run_until_idle();
        wait_until(&server, end_ms);
        let now_ms = server.worker_context.clock.now().steady_ms;
        server.worker_context.worker.borrow_mut().lane.fire_timers(now_ms);
        server.run_until_idle();
        let written = client.written();
        assert!(written.contains("expired"), "{wire:?}: {written}");
    }
}

#[test]
fn news_of_after_the_end_is_not_delivered_and_others_get_it() {
    for wire in WIRES {
        let server = Server::start();
        let others = [0, 1].map(|_| server.follow(wire, "a", RequestedStart::NOW));
        let (client, end_ms) = follow(&server, wire, 200);
        server.run_until_idle();
        wait_until(&server, end_ms);
        server.publish("a", "late news");
        server.run_until_idle();
        let written = client.written();
        assert!(
            !written.contains("late news") && written.contains("expired"),
            "{wire:?}: {written}"
        );
        assert!(others.iter().all(|other| other.written().contains("late news")), "{wire:?}");
        assert!(others.iter().all(|other| !other.written().contains("expired")), "{wire:?}");
    }
}

#[test]
fn what_waits_for_a_client_that_takes_nothing_is_not_delivered_after_the_end() {
    for wire in WIRES {
        let server = Server::start();
        let (client, end_ms) = follow(&server, wire, 200);
        server.run_until_idle();
        client.script.borrow_mut().room = 10;
        ["half", "late news"].iter().for_each(|text| server.publish("a", text));
        server.run_until_idle();
        wait_until(&server, end_ms);
        client.make_room(usize::MAX);
        server.run_until_idle();
        let written = client.written();
        let is_over = written.contains("expired");
        assert!(is_over && !written.ends_with("late news"), "{wire:?}: {written}");
    }
}
