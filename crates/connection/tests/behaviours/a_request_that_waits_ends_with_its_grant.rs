//! A request that waits, for news or for an archive, is refused once its grant has expired or does not cover it any
//! more.
#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use crate::common::{Server, TIDEWIRE, follow, limited_to, texts};
use crate::held_back::HeldBack;
use std::task::Waker;
use tidewire_broker::{Action, Forbidden, Grant};
use tidewire_connection::{Identity, LongPoll};

fn poll(server: &mut Server, grant: &Grant) -> LongPoll {
    let subscriptions = [follow("a", "now"), follow("b", "now")];
    LongPoll::open(&subscriptions, grant, 60_000, &mut server.worker, server.time).unwrap()
}

fn answer(server: &mut Server, poll: &mut LongPoll) -> Option<Result<usize, Forbidden>> {
    let answer = poll.poll_answer(&mut server.worker, server.time, Waker::noop())?;
    Some(answer.map(|page| page.messages().count()))
}

fn pass(server: &mut Server, wait_ms: u64) {
    server.time.steady_ms += wait_ms;
    server.time.wall_ms += wait_ms;
    server.worker.lane.fire_timers(server.time.steady_ms);
}

#[test]
fn a_poll_is_woken_when_its_grant_expires_and_answered_with_that() {
    let mut server = Server::new();
    let grant = Grant::open().until(server.time.wall_ms + 500);
    let mut waiting = poll(&mut server, &grant);
    assert_eq!(answer(&mut server, &mut waiting), None);
    waiting.park(&mut server.worker, Waker::noop());
    pass(&mut server, 499);
    assert!(server.worker.lane.next_due().is_none());
    assert_eq!(answer(&mut server, &mut waiting), None);
    waiting.park(&mut server.worker, Waker::noop());
    pass(&mut server, 1);
    assert!(server.worker.lane.next_due().is_some(), "nobody wakes it");
    server.text("a", "late");
    assert_eq!(answer(&mut server, &mut waiting), Some(Err(Forbidden::Expired)));
    waiting.leave(&mut server.worker);
    let (subscriptions, worker) = ([follow("a", "now")], &mut server.worker);
    let refused = LongPoll::open(&subscriptions, &grant, 0, worker, server.time);
    assert_eq!((refused.unwrap_err(), worker.lane.len()), (Forbidden::Expired, 0));
}

#[test]
fn a_poll_goes_on_with_a_new_grant_that_covers_it_and_is_refused_with_another() {
    let mut server = Server::new();
    let grant = Grant::open().until(server.time.wall_ms + 500);
    let mut waiting = poll(&mut server, &grant);
    waiting.handle_granted(&limited_to(&[], &["*"], &[]), server.time);
    server.text("a", "in time");
    pass(&mut server, 500);
    assert_eq!(answer(&mut server, &mut waiting), Some(Ok(1)));
    let grant = grant_of_now(&server);
    let mut waiting = poll(&mut server, &grant);
    waiting.handle_granted(&limited_to(&[], &["a"], &[]), server.time);
    let pattern = "b".parse().unwrap();
    let forbidden = Forbidden::NotCovered { action: Action::Subscribe, pattern };
    assert_eq!(answer(&mut server, &mut waiting), Some(Err(forbidden)));
}

fn grant_of_now(server: &Server) -> Grant {
    Grant::open().until(server.time.wall_ms + 500)
}

#[test]
fn a_poll_whose_wait_is_ended_is_answered_with_what_there_is() {
    let mut server = Server::new();
    let grant = grant_of_now(&server);
    let mut waiting = poll(&mut server, &grant);
    assert_eq!(answer(&mut server, &mut waiting), None);
    waiting.stop_waiting();
    assert_eq!(answer(&mut server, &mut waiting), Some(Ok(0)));
}

#[test]
fn a_page_or_subscription_that_an_archive_holds_up_is_refused_when_the_grant_is_narrowed() {
    for request in [
        r#"{"type":"history","id":1,"channel":"cold"}"#,
        r#"{"type":"subscribe","id":1,"channel":"cold","since":"@2"}"#,
    ] {
        let (archive, broker) = HeldBack::broker(36);
        let mut server = Server::over(broker);
        let mut connection = server.open(TIDEWIRE, &[]);
        server.output(&mut connection);
        server.ask(&mut connection, request);
        assert!(server.output(&mut connection).is_empty(), "{request}");
        assert!(archive.asked() > 0, "{request}");
        let grant = limited_to(&[], &["other"], &[]);
        connection.handle_granted(grant, &mut server.worker, server.time);
        let refused = r#"{"type":"error","id":1,"code":"forbidden","message":"reading cold is not allowed; the caller's grant does not cover it"}"#;
        assert_eq!(texts(&server.output(&mut connection)), [refused], "{request}");
        archive.open();
        assert!(server.output(&mut connection).is_empty(), "{request}");
        let next = r#"{"type":"history","id":2,"channel":"other"}"#;
        assert!(server.answer(&mut connection, next).join("").contains(r#""id":2,"messages""#));
    }
}

#[test]
fn a_page_that_an_archive_holds_up_is_never_sent_after_the_grant_has_expired() {
    let (archive, broker) = HeldBack::broker(36);
    let mut server = Server::over(broker);
    let grant = grant_of_now(&server);
    let mut connection = server.open_with(grant, "c", Identity::default(), TIDEWIRE, &[]);
    server.output(&mut connection);
    server.ask(&mut connection, r#"{"type":"history","id":1,"channel":"cold"}"#);
    assert!(server.output(&mut connection).is_empty());
    archive.open();
    server.wait(&mut connection, 500);
    let said = String::from_utf8_lossy(&server.output(&mut connection)).into_owned();
    assert!(said.contains("goodbye") && !said.contains("history"), "{said}");
}
