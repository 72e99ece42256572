//! A socket that keeps the rest of what it took, as TLS keeps the rest of a record.

use super::*;

#[test]
fn what_a_socket_keeps_is_counted_and_sent_though_nothing_follows() {
    let server = Server::start();
    let clients = [0, 1].map(|_| server.follow(SSE, "a", RequestedStart::NOW));
    server.run_until_idle();
    let output = &server.worker_context.http.in_flight.output;
    for client in &clients {
        let mut script = client.script.borrow_mut();
        (script.keeps_rest, script.room) = (true, 1_000);
    }
    // The two are written to as a group.
    server.publish("a", &"x".repeat(20_000));
    server.run_until_idle();
    for client in &clients {
        assert_eq!(client.written().matches("data: ").count(), 1);
        assert!(client.script.borrow().unsent > 19_000);
    }
    assert!(output.held() > 2 * 19_000, "{} bytes are counted", output.held());
    // What is published meanwhile is not taken, and comes afterwards.
    server.publish("a", "later");
    server.run_until_idle();
    for client in &clients {
        assert!(!client.written().contains("later"));
        client.make_room(usize::MAX);
    }
    server.run_until_idle();
    for client in &clients {
        assert_eq!(client.script.borrow().unsent, 0);
        assert_eq!(client.written().matches("data: later").count(), 1);
    }
    assert_eq!(output.held(), 0);
    // The same with nothing that follows.
    for client in &clients {
        client.script.borrow_mut().room = 1_000;
    }
    server.publish("a", &"y".repeat(20_000));
    server.run_until_idle();
    clients.iter().for_each(|client| client.make_room(usize::MAX));
    server.run_until_idle();
    assert!(clients.iter().all(|client| client.script.borrow().unsent == 0));
    assert_eq!(output.held(), 0);
}
