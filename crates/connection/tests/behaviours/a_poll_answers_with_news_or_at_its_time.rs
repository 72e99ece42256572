//! A long-poll: at once, when something comes, or empty when the time is up.
#![allow(missing_docs, clippy::unwrap_used)]

use crate::common::{Server, show};
use tidewire_connection::{Format, LongPoll};

fn answer(server: &mut Server, poll: &mut LongPoll) -> Option<String> {
    server.worker.lane.fire_timers(server.time.steady_ms);
    let answer = poll.poll_answer(&mut server.worker, server.time, std::task::Waker::noop())?;
    let page = answer.unwrap();
    let mut json = Vec::new();
    page.write_json(Format::Json, &server.worker.broker, &mut json);
    Some(show(&json))
}

const NEWS: &str =
    r#"{"messages":[{"channel":"a","position":"10-1","time":5,"data":"hi"}],"position":"10-1"}"#;

#[test]
fn at_once() {
    let mut server = Server::new();
    server.text("a", "hi");
    let mut poll = server.poll("a", "10-0", 25_000);
    assert_eq!(answer(&mut server, &mut poll).as_deref(), Some(NEWS));
}

#[test]
fn when_something_comes() {
    let mut server = Server::new();
    let mut poll = server.poll("a", "now", 25_000);
    assert_eq!(answer(&mut server, &mut poll), None);
    server.text("a", "hi");
    assert_eq!(answer(&mut server, &mut poll).as_deref(), Some(NEWS));
}

#[test]
fn empty_when_the_time_is_up_and_with_the_head() {
    let mut server = Server::new();
    let mut poll = server.poll("a", "now", 25_000);
    server.text("b", "elsewhere");
    server.time.steady_ms += 24_999;
    assert_eq!(answer(&mut server, &mut poll), None);
    server.time.steady_ms += 1;
    let empty = r#"{"messages":[],"position":"10-1"}"#;
    assert_eq!(answer(&mut server, &mut poll).as_deref(), Some(empty));
}

#[test]
fn empty_once_it_stops_waiting() {
    let mut server = Server::new();
    let mut poll = server.poll("a", "now", 25_000);
    assert_eq!(answer(&mut server, &mut poll), None);
    poll.stop_waiting();
    let empty = r#"{"messages":[],"position":"10-0"}"#;
    assert_eq!(answer(&mut server, &mut poll).as_deref(), Some(empty));
}

#[test]
fn at_once_with_a_foreign_place() {
    let mut server = Server::new();
    let mut poll = server.poll("a", "zz-3", 25_000);
    let gap = r#"{"messages":[],"position":"10-0","gaps":[{"type":"gap","channel":"a","from":"zz-3","to":"10-0"}]}"#;
    assert_eq!(answer(&mut server, &mut poll).as_deref(), Some(gap));
}
