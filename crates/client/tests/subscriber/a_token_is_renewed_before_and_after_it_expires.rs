//! A client with a function for tokens renews its connections in place, comes back with a fresh token, and gives up on a
//! refusal.

use crate::scripted::{Answer, Server, error, first_line, header, text_frame, texts};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tidewire_client::{ClientBuilder, PublishError, SubscribeError, TokenError, Wire};

/// Gives the tokens t1, t2 and so on.
fn counting(builder: ClientBuilder) -> ClientBuilder {
    let given = Arc::new(AtomicUsize::new(0));
    builder.token_from(move || {
        let number = given.fetch_add(1, Ordering::Relaxed) + 1;
        async move { Ok(format!("t{number}")) }
    })
}

const WELCOME: &str = r#"{"type":"welcome","connection":"c","version":"0.1.0","heartbeat_ms":20000,"position":"a-5"}"#;

fn frames(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text_frame(text)).collect()
}

fn message(number: usize, text: &str) -> String {
    format!(r#"{{"channel":"x","position":"a-{number}","time":0,"data":"{text}"}}"#)
}

fn message_frame(number: usize, text: &str) -> String {
    message(number, text).replacen('{', r#"{"type":"message","#, 1)
}

#[tokio::test]
async fn a_websocket_is_renewed_by_a_frame_and_comes_back_after_an_expiry() {
    let subscribed = r#"{"type":"position","position":"a-5"}"#;
    let opening = frames(&[WELCOME, subscribed, r#"{"type":"expiring","in_ms":30000}"#]);
    // The renewal is refused: the connection goes on all the same, until the token has expired.
    let mut rest = frames(&[
        r#"{"type":"error","id":0,"code":"forbidden","message":"another subject"}"#,
        &message_frame(6, "one"),
    ]);
    rest.extend(b"\x88\x02\x0f\xa2");
    let again = frames(&[WELCOME, subscribed, &message_frame(7, "two")]);
    let script =
        [Answer::websocket(0, opening).then(rest).hold(), Answer::websocket(0, again).hold()];
    let mut server = Server::start_for(counting, script).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::WebSocket).stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["one", "two"]);

    let request = server.received().await;
    assert_eq!(header(&request, "authorization"), Some("Bearer t1"));
    assert!(first_line(&request).contains("since=now"));
    assert_eq!(server.received().await, r#"{"type":"token","id":0,"token":"t2"}"#);
    let request = server.received().await;
    assert_eq!(header(&request, "authorization"), Some("Bearer t3"));
    assert!(first_line(&request).contains("since=a-6"));
}

#[tokio::test]
async fn a_key_that_is_in_force_no_more_costs_a_fresh_token_and_no_message() {
    let subscribed = r#"{"type":"position","position":"a-5"}"#;
    let mut withdrawn = frames(&[WELCOME, subscribed, &message_frame(6, "one")]);
    withdrawn.extend(b"\x88\x02\x0f\xa4");
    let again = frames(&[WELCOME, subscribed, &message_frame(7, "two")]);
    let script = [Answer::websocket(0, withdrawn).hold(), Answer::websocket(0, again).hold()];
    let mut server = Server::start_for(counting, script).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::WebSocket).stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["one", "two"]);
    for token in ["Bearer t1", "Bearer t2"] {
        assert_eq!(header(&server.received().await, "authorization"), Some(token));
    }

    let refused = r#"event: $error
data: {"type":"error","code":"unauthorized","message":"the key was withdrawn"}

"#;
    let begun = "id: a-5\n\n";
    let message = format!("id: a-6\ndata: {}\n\n", message(6, "one"));
    let script = [
        Answer::sse(&format!("{begun}{refused}")).hold(),
        Answer::sse(&format!("{begun}{message}")).hold(),
    ];
    let mut server = Server::start_for(counting, script).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Sse).stream();
    assert_eq!(texts(&mut deliveries, 1).await, ["one"]);
    for token in ["Bearer t1", "Bearer t2"] {
        assert_eq!(header(&server.received().await, "authorization"), Some(token));
    }
}

#[tokio::test]
async fn streams_are_renewed_by_a_request() {
    let connection = r#"{"type":"connection","id":"pZ3"}"#;
    let expiring = r#"{"type":"expiring","in_ms":30000}"#;
    let sse = format!(
        "event: $connection\ndata: {connection}\n\nid: a-5\n\nevent: $expiring\ndata: {expiring}\n\n"
    );
    let lines = format!("{connection}\n{{\"position\":\"a-5\"}}\n{expiring}\n");
    let ndjson = Answer::new("200 OK", "application/x-ndjson", &lines);
    for (wire, stream) in [(Wire::Sse, Answer::sse(&sse)), (Wire::Stream, ndjson)] {
        let script = [stream.hold(), Answer::json(r#"{"expires_in_ms":3600000}"#)];
        let mut server = Server::start_for(counting, script).await;
        let mut deliveries = server.subscribe(&["x"]).wire(wire).stream();
        tokio::select! {
            _ = texts(&mut deliveries, 1) => panic!("there is no message"),
            () = async {
                for (target, token) in [("GET /", "t1"), ("POST /connections/pZ3/token ", "t2")] {
                    let request = server.received().await;
                    assert!(first_line(&request).starts_with(target), "{wire:?} {request}");
                    let bearer = format!("Bearer {token}");
                    assert_eq!(header(&request, "authorization"), Some(&*bearer), "{request}");
                }
            } => {}
        }
    }
}

const UNAUTHORIZED: &str = r#"{"type":"urn:tidewire:problem:unauthorized","title":"Unauthorized","status":401,"detail":"no such key","code":"unauthorized"}"#;
const PUBLISHED: &str = r#"{"position":"a-6"}"#;

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_then_reported() {
    let refused = || Answer::problem("401 Unauthorized", UNAUTHORIZED);
    let script =
        [Answer::json(PUBLISHED), refused(), Answer::json(PUBLISHED), refused(), refused()];
    let mut server = Server::start_for(counting, script).await;
    for _ in 0..2 {
        server.client.publish("x").text("hi").send().await.unwrap();
    }
    let last = server.client.publish("x").text("hi").send().await;
    assert!(matches!(last, Err(PublishError::Refused(problem)) if problem.status == 401));
    for token in ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"] {
        assert_eq!(header(&server.received().await, "authorization"), Some(token));
    }
}

#[tokio::test]
async fn a_websocket_without_a_valid_token_ends_after_a_second_attempt() {
    let nobody = || {
        let mut nobody = frames(&[WELCOME]);
        nobody.extend(b"\x88\x02\x11\x95");
        Answer::websocket(0, nobody).hold()
    };
    let server = Server::start_for(counting, [nobody(), nobody(), nobody()]).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::WebSocket).stream();
    let closed = SubscribeError::Closed { code: 4501, reason: String::new() };
    assert_eq!(error(&mut deliveries).await, closed);
}

#[tokio::test]
async fn a_function_without_a_token_ends_a_subscription_or_is_asked_again() {
    let no_more = |builder: ClientBuilder| {
        builder.token_from(async || Err(TokenError::Refused("logged out".into())))
    };
    let server = Server::start_for(no_more, []).await;
    let ended = error(&mut server.subscribe(&["x"]).stream()).await;
    assert_eq!(ended, SubscribeError::NoToken("logged out".into()));

    let later = |builder: ClientBuilder| {
        builder.token_from(async || Err(TokenError::unavailable("no network")))
    };
    let server = Server::start_for(later, []).await;
    let ended = error(&mut server.subscribe(&["x"]).attempts_max(3).stream()).await;
    let cause = "there is no token for now: no network".into();
    assert_eq!(ended, SubscribeError::Unreachable { attempts: 3, cause });
}
