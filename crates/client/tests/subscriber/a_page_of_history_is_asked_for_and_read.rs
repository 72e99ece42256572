//! A page of history: what is asked, what comes of it, and what an error says.

use crate::scripted::{Answer, Server, first_line, soon};
use tidewire_client::{PageError, Since};

#[tokio::test]
async fn every_bound_is_asked_for_by_its_name() {
    let answer = r#"{"messages":[{"channel":"a.b","position":"k-7","time":5,"data":"hi"}],"position":"k-8~9","before":"k-6","more":true,"gaps":[{"type":"gap","channel":"a.*","from":"k-5","to":"k-6"}]}"#;
    let mut server = Server::start([Answer::json(answer)]).await;
    let history = server.client.history("a.*").since("5m".parse().unwrap());
    let page = soon(history.before(Since::Now).limit(7).send()).await.unwrap();
    assert_eq!(page.messages[0].text().as_deref(), Some("hi"));
    assert_eq!((page.position.state, page.before.offset, page.more), (Some(9), 6, true));
    assert_eq!(page.gaps[0].to, page.before);
    let asked = server.received().await;
    let line = "GET /channels/a.*/messages?since=5m&before=now&limit=7 HTTP/1.1";
    assert_eq!(first_line(&asked), line);
}

#[tokio::test]
async fn without_bounds_nothing_but_the_channel_is_asked_for() {
    let answer = r#"{"messages":[],"position":"k-0","before":"k-1"}"#;
    let mut server = Server::start([Answer::json(answer)]).await;
    let page = soon(server.client.history("a b").send()).await.unwrap();
    assert!(page.messages.is_empty() && page.gaps.is_empty() && !page.more);
    assert_eq!(first_line(&server.received().await), "GET /channels/a%20b/messages HTTP/1.1");
}

#[tokio::test]
async fn errors_say_whose_fault_it_was() {
    let error = |answer| async {
        let server = Server::start([answer]).await;
        let until = Since::Time(5);
        soon(server.client.history("a").until(until).send()).await.unwrap_err()
    };
    let problem = r#"{"title":"Not a channel","status":400,"detail":"`a`","code":"bad_channel"}"#;
    let refused = error(Answer::problem("400 Bad Request", problem)).await;
    assert_eq!(refused.to_string(), "the server refused the request: Not a channel: `a`");
    assert!(!refused.retryable());
    let away = error(Answer::problem("503 Service Unavailable", "{}")).await;
    assert!(matches!(away, PageError::Unavailable { .. }) && away.retryable());
    assert!(matches!(error(Answer::json("{}")).await, PageError::BadAnswer(_)));
    let cut = Answer::new("200 OK\r\ncontent-length: 99", "application/json", "{");
    let cut = error(cut).await;
    assert!(matches!(cut, PageError::NoAnswer(_)) && cut.retryable());
}
