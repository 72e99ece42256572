//! Rounds beside an archive that has its readers wait.

use super::*;
use held_back::HeldBack;

#[path = "../../../../connection/tests/common/held_back.rs"]
mod held_back;

#[test]
fn who_waits_for_an_archive_holds_up_nobody() {
    let (archive, broker) = HeldBack::broker(1);
    let server = Server::over(broker);
    let earliest = RequestedStart::Since(tidewire_protocol::Since::Earliest);
    let [waits, other] = [("cold", earliest), ("a", RequestedStart::NOW)]
        .map(|(channel, place)| server.follow(SSE, channel, place));
    // It comes to rest: who waits asks for no turns.
    server.run_until_idle();
    let asked = archive.asked();
    for _ in 0..10 {
        server.publish("a", "x");
        server.publish("cold", "new");
        server.run_until_idle();
    }
    assert_eq!(other.written().matches("data: x").count(), 10);
    assert_eq!(archive.asked(), asked);
    assert!(!waits.written().contains("data:"));
    archive.open();
    server.run_until_idle();
    let written = waits.written();
    let data: Vec<_> = written.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data[..4], ["old 1", "old 2", "old 3", "new"]);
    assert_eq!(data.len(), 13);
}

#[test]
fn nothing_need_be_read_for_a_client_that_ends_meanwhile() {
    let (archive, broker) = HeldBack::broker(1);
    let server = Server::over(broker);
    let client =
        server.follow(SSE, "cold", RequestedStart::Since(tidewire_protocol::Since::Earliest));
    server.run_until_idle();
    assert_eq!(archive.waiting(), 1);
    client.send(Vec::new());
    server.run_until_idle();
    assert_eq!((archive.waiting(), server.admission.connections()), (0, 0));
}
