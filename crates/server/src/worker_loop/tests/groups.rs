//! Connections that write the same batch together: whatever happens to one of them, each receives everything once.

use super::*;

#[test]
fn who_is_due_twice_in_a_group_is_sent_the_message_once() {
    let server = Server::start();
    let clients = [0, 1, 2].map(|_| server.follow(SSE, "a", RequestedStart::NOW));
    server.run_until_idle();
    let last = server.rounds.entries.borrow()[2].as_ref().unwrap().driver.waiter();
    server.worker_context.worker.borrow_mut().lane.sleep(last, Waker::noop(), Some(1));
    server.publish("a", "news");
    assert!(server.poll_work());
    // By the time too, after the news.
    server.worker_context.worker.borrow_mut().lane.fire_timers(1);
    server.run_until_idle();
    for client in &clients {
        assert_eq!(client.written().matches("news").count(), 1);
    }
}

#[test]
fn a_socket_that_takes_part_of_a_shared_batch_gets_the_rest_later_and_the_others_all_at_once() {
    for wire in [SSE, RAW] {
        for room in [0, 1, 7] {
            let server = Server::start();
            let clients: Vec<_> =
                (0..5).map(|_| server.follow(wire, "a", RequestedStart::NOW)).collect();
            server.run_until_idle();
            let bytes = || clients[2].script.borrow().written.len();
            let before = bytes();
            clients[2].script.borrow_mut().room = room;
            for news in ["first", "second", "third"] {
                server.publish("a", news);
                server.run_until_idle();
            }
            let whole = clients[0].written();
            assert_eq!(bytes() - before, room, "{wire:?}");
            clients[2].make_room(usize::MAX);
            server.run_until_idle();
            for (at, client) in clients.iter().enumerate() {
                assert_eq!(client.written(), whole, "{wire:?}, client {at} of a room of {room}");
            }
            assert!(whole.find("first") < whole.find("second") && whole.contains("third"));
        }
    }
}

#[test]
fn a_member_of_a_group_that_panics_or_is_gone_costs_the_others_nothing() {
    let server = Server::start();
    let clients: Vec<_> = (0..5).map(|_| server.follow(RAW, "a", RequestedStart::NOW)).collect();
    server.run_until_idle();
    clients[1].script.borrow_mut().is_faulty = true;
    clients[3].script.borrow_mut().is_gone = true;
    for _ in 0..2 {
        server.publish("a", "x");
        server.run_until_idle();
    }
    let received = |client: &Client| client.written().matches('x').count();
    assert_eq!(clients.iter().map(received).collect::<Vec<_>>(), [2, 0, 2, 0, 2]);
    assert_eq!(
        (server.admission.connections(), server.worker_context.worker.borrow().lane.len()),
        (3, 3)
    );
}
