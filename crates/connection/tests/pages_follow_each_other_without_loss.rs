//! History: each page begins where the one before ended.
#![allow(missing_docs)]

#[path = "common/common.rs"]
mod common;

use common::{Server, follow, show};
use tidewire_connection::{Format, Page};
use tidewire_protocol::PollAnswer;

#[test]
fn pages_follow_each_other_without_loss() {
    for limit in [1, 2, 3, 7, 100] {
        let mut server = Server::new();
        for n in 0..50 {
            server.text(if n % 3 == 0 { "a.x" } else { "a.y" }, &n.to_string());
            server.text("b", "between");
        }
        let (mut since, mut heard) = ("earliest".to_owned(), Vec::new());
        loop {
            let Server { worker, time, .. } = &server;
            let subscription = follow("a.*", &since);
            let page = Page::read(subscription, Some(limit), &worker.broker, &worker.limits, *time);
            let mut json = Vec::new();
            page.write_json(Format::Json, &worker.broker, &mut json);
            let answer: PollAnswer = serde_json::from_str(&show(&json)).unwrap();
            assert!(answer.gaps.is_empty() && answer.messages.len() <= limit);
            since = answer.position.to_string();
            if answer.messages.is_empty() {
                break;
            }
            heard.extend(
                answer.messages.iter().map(|it| it.text().unwrap().parse::<u32>().unwrap()),
            );
        }
        assert_eq!(heard, (0..50).collect::<Vec<_>>());
    }
}

#[test]
fn a_page_tells_of_what_is_gone() {
    let mut server = Server::keeping(1);
    ["one", "two"].iter().for_each(|text| server.text("a", text));
    let Server { worker, time, .. } = &server;
    let page = Page::read(follow("a", "10-0"), None, &worker.broker, &worker.limits, *time);
    let mut json = Vec::new();
    page.write_json(Format::Raw, &worker.broker, &mut json);
    let told = r#"{"messages":["two"],"position":"10-2","gaps":[{"type":"gap","channel":"a","from":"10-0","to":"10-1"}]}"#;
    assert_eq!(show(&json), told);
}
