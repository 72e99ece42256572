//! What a worker answers about its connections, and that it takes turns for that.

use super::*;
use crate::{
    access::{Authenticator, Identity as Holder},
    inquiries::{ConnectionId, Inquiry, List, ListKey, Passage, Reach, Wanted},
};
use std::{future::Future as _, pin::pin};
use tidewire_tokens::{Claims, Rules, Verifier};
use tokio::sync::oneshot;

fn wanted(limit: usize) -> Wanted {
    Wanted { limit, ..Wanted::default() }
}

/// What each of a list follows, with how far behind the head it is.
fn shown(list: &List, head: u64) -> Vec<(String, u64)> {
    let show =
        |listed: &crate::inquiries::Listed| (listed.channels.join(" "), head - listed.key.offset);
    list.connections.iter().map(show).collect()
}

#[tokio::test]
async fn those_furthest_behind_come_first_and_a_quiet_one_is_at_the_head() {
    let server = Server::start();
    let _quiet = ["quiet", "silent.*"].map(|it| server.follow(SSE, it, RequestedStart::NOW));
    let slow = server.follow(SSE, "busy", RequestedStart::NOW);
    let _live = server.follow(RAW, "*", RequestedStart::NOW);
    server.run_until_idle();
    slow.script.borrow_mut().room = 0;
    (0..5).for_each(|_| server.publish("busy", "x"));
    server.run_until_idle();
    let head = server.worker_context.broker.head();
    assert_eq!(head, 5);
    let all = server.rounds.list(&wanted(10)).await;
    let (first, others) = all.connections.split_first().unwrap();
    assert_eq!((first.channels.join(" "), head - first.key.offset), ("busy".to_owned(), 5));
    assert!(others.iter().all(|it| it.key.offset == head), "{:?}", shown(&all, head));
    assert_eq!((all.total, all.left), (4, 4));

    // In pages of two.
    let mut pages = Vec::new();
    let mut after: Option<ListKey> = None;
    loop {
        let page = server.rounds.list(&Wanted { after, ..wanted(2) }).await;
        assert_eq!(page.total, 4);
        let is_last = page.left == page.connections.len();
        pages.extend(page.connections);
        after = pages.last().map(|listed| listed.key);
        if is_last {
            break;
        }
    }
    assert_eq!(pages, all.connections);
}

#[tokio::test]
async fn a_list_is_of_one_user_channel_or_transport() {
    // The holders below are known by keys that were fetched.
    let verifier = Verifier::fetching(Rules::default(), Vec::new());
    let server = Server::start_with(|worker_context| {
        worker_context.http.authenticator = Authenticator::new(Some(verifier), None);
    });
    let holder = |subject: &str| {
        let claims = Claims { subject: Some(subject.to_owned()), ..Claims::default() };
        Holder::holder_for_tests(Claims { expires_ms: u64::MAX, ..claims })
    };
    for (subject, channel) in [("u7", "chat.a"), ("u7", "chat.*"), ("u8", "news")] {
        let opening = opening(SSE, channel, RequestedStart::NOW);
        server.open_of(opening, |_| Session::of(&holder(subject), None));
    }
    server.run_until_idle();
    let count = async |wanted: Wanted| server.rounds.list(&wanted).await.total;
    let user = |name: &str| Wanted { user: Some(name.to_owned()), ..wanted(9) };
    let channel = |name: &str| Wanted { channel: Some(name.parse().unwrap()), ..wanted(9) };
    let wire = |name: &str| Wanted { transport: Some(name.to_owned()), ..wanted(9) };
    assert_eq!([count(user("u7")).await, count(user("u9")).await], [2, 0]);
    assert_eq!([count(channel("chat.a")).await, count(channel("chat.b")).await], [2, 1]);
    assert_eq!([count(channel("chat.*")).await, count(channel(">")).await], [1, 0]);
    assert_eq!([count(wire("sse")).await, count(wire("ws")).await], [3, 0]);
    let users = server.rounds.list(&user("u7")).await.connections;
    assert!(users.iter().all(|listed| listed.user.as_deref() == Some("u7")));
}

#[tokio::test]
async fn a_message_has_been_passed_by_those_to_whom_nothing_up_to_it_is_owed() {
    let server = Server::start();
    let clients = ["a", "a", "*", "b"].map(|it| server.follow(SSE, it, RequestedStart::NOW));
    server.run_until_idle();
    clients[0].script.borrow_mut().room = 0;
    ["a", "b", "a"].iter().for_each(|channel| server.publish(channel, "x"));
    server.run_until_idle();
    let reach = async |channel: &str, offset| {
        let passage = Passage { channel: channel.parse().unwrap(), offset };
        server.rounds.reach(&passage).await
    };
    assert_eq!(reach("a", 1).await, Reach { passed: 2, behind: 1 });
    assert_eq!(reach("b", 2).await, Reach { passed: 2, behind: 0 });
    clients[0].make_room(usize::MAX);
    server.run_until_idle();
    assert_eq!(reach("a", 3).await, Reach { passed: 3, behind: 0 });
}

#[tokio::test]
async fn an_operator_ends_the_connection_that_is_named_and_no_later_one_at_its_place() {
    let server = Server::start();
    let client = server.follow(SSE, "a", RequestedStart::NOW);
    server.run_until_idle();
    server.publish("a", "x");
    server.run_until_idle();
    let id = server.rounds.list(&wanted(1)).await.connections[0].key.id;
    let other = ConnectionId { serial: id.serial + 1, ..id };
    assert_eq!(server.rounds.disconnect(other), None);
    assert_eq!(server.rounds.disconnect(id), Some(1));
    assert_eq!(server.rounds.disconnect(id), None, "it is ending");
    server.run_until_idle();
    let written = client.written();
    let position = server.worker_context.broker.position(1);
    let (_, last) = written.rsplit_once("data: x").unwrap();
    assert!(last.contains(&format!("id: {position}")) && last.ends_with("0\r\n\r\n"), "{last}");
    assert_eq!(server.admission.connections(), 0);
    // It takes the waiter of the one before.
    server.follow(SSE, "a", RequestedStart::NOW);
    server.run_until_idle();
    assert_eq!(server.rounds.list(&wanted(1)).await.connections[0].key.id.waiter, id.waiter);
    assert_eq!(server.rounds.disconnect(id), None);
    assert_eq!(server.admission.connections(), 1);
}

#[tokio::test]
async fn a_long_list_takes_turns() {
    let server = Server::start();
    let _clients: Vec<_> =
        (0..1_000).map(|_| server.follow(SSE, "a", RequestedStart::NOW)).collect();
    server.run_until_idle();
    let workers = server.worker_context.http.workers.clone();
    let (answer, mut answered) = oneshot::channel();
    let mut answering = pin!(server.rounds.run_inquiries());
    let mut polls = 0;
    let context = &mut Context::from_waker(Waker::noop());
    assert!(answering.as_mut().poll(context).is_pending());
    workers.senders_for_tests()[0].try_send(Inquiry::List(wanted(1_000).into(), answer)).unwrap();
    let list = loop {
        assert!(answering.as_mut().poll(context).is_pending());
        polls += 1;
        match answered.try_recv() {
            Ok(list) => break list,
            Err(_) => assert!(polls < 1_000, "it never ends"),
        }
    };
    assert_eq!((list.connections.len(), list.total), (1_000, 1_000));
    assert!(polls >= 4 + 15, "{polls} turns for 1,000 connections");
}
