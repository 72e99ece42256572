//! Presence: pages are joined, members who leave meanwhile are left out, and after a gap the list begins again.

use crate::scripted::{Answer, Server, first_line, soon};
use tidewire_client::{PageError, Presence};

async fn presence(pages: &[&str]) -> (Result<Presence, PageError>, Server) {
    let server = Server::start(pages.iter().map(|page| Answer::json(page))).await;
    (soon(server.client.presence("room 1")).await, server)
}

fn names(presence: &Presence) -> Vec<&str> {
    let mut names: Vec<&str> = presence.members.iter().map(|it| it.connection.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn pages_are_asked_for_until_there_is_no_more() {
    let (there, mut server) = presence(&[
        r#"{"channel":"room 1","members":[{"connection":"a","since":5},{"connection":"b","since":5}],"position":"k-2~8","more":true}"#,
        r#"{"channel":"room 1","members":[{"connection":"b","user":"bob","since":6},{"connection":"c","since":7}],"left":["a"],"position":"k-9"}"#,
    ])
    .await;
    let there = there.unwrap();
    assert_eq!((names(&there), there.position.to_string()), (vec!["b", "c"], "k-9".into()));
    assert!(there.members.iter().any(|member| member.user.as_deref() == Some("bob")));
    let first = server.received().await;
    assert_eq!(first_line(&first), "GET /channels/room%201/presence?limit=1000 HTTP/1.1");
    let second = server.received().await;
    let line = "GET /channels/room%201/presence?since=k-2%7E8&limit=1000 HTTP/1.1";
    assert_eq!(first_line(&second), line);
}

#[tokio::test]
async fn a_gap_between_pages_begins_anew() {
    let (there, _) = presence(&[
        r#"{"channel":"a","members":[{"connection":"gone","since":5}],"position":"k-2","more":true}"#,
        r#"{"channel":"a","members":[],"position":"k-9","gaps":[{"type":"gap","channel":"$presence.a","from":"k-2","to":"k-8"}]}"#,
        r#"{"channel":"a","members":[{"connection":"new","since":5}],"position":"k-9"}"#,
    ])
    .await;
    assert_eq!(names(&there.unwrap()), ["new"]);
}
