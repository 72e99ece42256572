//! A publish goes over the WebSocket of a subscription. One in an outbox whose answer is lost is sent again with its id.

use crate::scripted::{Answer, Server, first_line, header, next, soon, text_frame};
use futures_util::FutureExt as _;
use tidewire_client::{PublishError, Subscription, Wire};

const WELCOME: &str = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"a-5"}"#;
const BEGUN: &str = r#"{"type":"position","position":"a-5"}"#;

fn frames(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text_frame(text)).collect()
}

/// A subscription that has begun, and does not come back after a cut.
async fn follow(server: &Server) -> Subscription {
    let subscribe = server.subscribe(&["x"]).wire(Wire::WebSocket).attempts_max(1);
    let mut subscription = subscribe.stream();
    while subscription.position().is_none() {
        assert!(next(&mut subscription).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    subscription
}

#[tokio::test]
async fn and_its_answer_is_the_one_with_its_number() {
    for (answer, is_published) in [
        (r#"{"type":"published","id":1,"position":"a-6"}"#, true),
        (r#"{"type":"error","id":1,"code":"forbidden","message":"not you"}"#, false),
    ] {
        let begun = frames(&[WELCOME, BEGUN]);
        let script = [Answer::websocket(0, begun).then(text_frame(answer)).hold()];
        let mut server = Server::start(script).await;
        let _subscription = follow(&server).await;
        match soon(server.client.publish("x").text("hi").send()).await {
            Ok(position) => assert!(is_published && position.to_string() == "a-6"),
            Err(PublishError::Refused(problem)) => {
                assert!(!is_published && problem.code == "forbidden");
            }
            Err(other) => panic!("{other:?}"),
        }
        server.received().await;
        let frame = r#"{"type":"publish","id":1,"channel":"x","data":"hi"}"#;
        assert_eq!(server.received().await, frame);
    }
}

#[tokio::test]
async fn and_without_an_answer_it_is_sent_again_by_its_outbox_and_only_by_it() {
    let cut = || Answer::websocket(0, frames(&[WELCOME, BEGUN])).then(Vec::new());
    let mut server = Server::start([cut()]).await;
    let _subscription = follow(&server).await;
    let lost = soon(server.client.publish("x").text("hi").send()).await;
    assert!(matches!(lost, Err(PublishError::NoAnswer(_))), "{lost:?}");
    server.received().await;
    server.received().await;

    let mut server = Server::start([cut(), Answer::json(r#"{"position":"a-6"}"#)]).await;
    let _subscription = follow(&server).await;
    let outbox = server.client.outbox(1);
    let receipt = outbox.publish(server.client.publish("x").text("hi")).unwrap();
    let full = outbox.publish(server.client.publish("x").text("ho")).unwrap_err();
    assert_eq!(
        full.to_string(),
        "the outbox is full with 1 messages: wait for the receipts of earlier ones"
    );
    assert_eq!(soon(receipt).await.unwrap().to_string(), "a-6");
    assert!(outbox.is_empty());

    server.received().await;
    let frame = server.received().await;
    let request = server.received().await;
    assert_eq!(first_line(&request), "POST /publish/x HTTP/1.1");
    let id = header(&request, "idempotency-key").unwrap();
    assert!(frame.ends_with(&format!(r#""data":"hi","message_id":"{id}"}}"#)), "{frame}");
}
