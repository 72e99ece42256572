//! What is for operators is asked for with the token of the client, and once more with a fresh one.

use crate::scripted::{Answer, Server, first_line, header, soon};
use std::sync::atomic::{AtomicUsize, Ordering};
use tidewire_client::PageError;

#[tokio::test]
async fn figures_are_asked_for_with_the_token_and_with_a_fresh_one_after_a_refusal() {
    let figures = Answer::new("200 OK", "text/plain", "up 1\n");
    let script = [Answer::problem("401 Unauthorized", "{}"), figures];
    let given = AtomicUsize::new(0);
    let fresh = move || {
        let number = given.fetch_add(1, Ordering::Relaxed) + 2;
        async move { Ok(format!("t{number}")) }
    };
    let mut server =
        Server::start_for(|builder| builder.token("t1").token_from(fresh), script).await;
    let text = soon(server.client.read_text(&["metrics"], &[])).await.unwrap();
    assert_eq!(text, "up 1\n");
    for token in ["Bearer t1", "Bearer t2"] {
        let asked = server.received().await;
        assert_eq!(first_line(&asked), "GET /metrics HTTP/1.1");
        assert_eq!(header(&asked, "authorization"), Some(token));
    }
}

#[tokio::test]
async fn without_a_token_a_refusal_says_what_the_server_said() {
    let problem = r#"{"title":"No","status":403,"detail":"for operators","code":"forbidden"}"#;
    let mut server = Server::start([Answer::problem("403 Forbidden", problem)]).await;
    let refused = soon(server.client.read_text(&["metrics"], &[])).await.unwrap_err();
    assert!(matches!(&refused, PageError::Refused(_)), "{refused}");
    assert_eq!(header(&server.received().await, "authorization"), None);
}
