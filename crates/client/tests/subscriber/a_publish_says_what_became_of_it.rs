//! A publish returns its position, or an error that says whether trying again makes sense.

use crate::scripted::{Answer, Server, first_line, header, soon};
use std::time::Duration;
use tidewire_client::{Client, ErrorCode, PublishError, PublishRequest};

async fn publish(
    answer: Answer,
    message: impl FnOnce(PublishRequest) -> PublishRequest,
) -> (Result<String, PublishError>, String) {
    let mut server = Server::start([answer]).await;
    let result = soon(message(server.client.publish("chat.room1")).send()).await;
    (result.map(|position| position.to_string()), server.received().await)
}

#[tokio::test]
async fn each_kind_of_payload_is_its_own_body() {
    type Prepare = fn(PublishRequest) -> PublishRequest;
    let cases: [(Prepare, &str, &str); 3] = [
        (|message| message.text("hé"), "text/plain; charset=utf-8", "hé"),
        (|message| message.json(&[1, 2]).unwrap(), "application/json", "[1,2]"),
        (|message| message.bytes(*b"\x01\x02"), "application/octet-stream", "\x01\x02"),
    ];
    for (message, media_type, body) in cases {
        let (result, request) = publish(Answer::json(r#"{"position":"a-5"}"#), message).await;
        assert_eq!(result.unwrap(), "a-5");
        assert_eq!(first_line(&request), "POST /publish/chat.room1 HTTP/1.1");
        assert_eq!(header(&request, "content-type"), Some(media_type));
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
    }
}

#[tokio::test]
async fn event_key_and_message_id_go_beside_the_payload() {
    let (result, request) = publish(Answer::json(r#"{"position":"a-5"}"#), |message| {
        message.text("").event("sa id").key("ü&7").message_id("m-1")
    })
    .await;
    result.unwrap();
    let line = "POST /publish/chat.room1?event=sa+id&key=%C3%BC%267 HTTP/1.1";
    assert_eq!(first_line(&request), line);
    assert_eq!(header(&request, "idempotency-key"), Some("m-1"));
}

#[tokio::test]
async fn a_batch_is_answered_item_by_item_and_a_tombstone_is_one_of_one() {
    let answer =
        r#"{"results":[{"position":"a-5"},{"error":{"code":"bad_channel","message":"no"}}]}"#;
    let mut server = Server::start([Answer::json(answer)]).await;
    let messages = [
        server.client.publish("a").bytes([0, 255]).key("k"),
        server.client.publish("b c").json(&1).unwrap().event("e"),
    ];
    let results = soon(server.client.publish_batch(messages)).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap().to_string(), "a-5");
    assert_eq!(results[1].as_ref().unwrap_err().error_code(), Some(ErrorCode::BadChannel));
    let request = server.received().await;
    assert_eq!(first_line(&request), "POST /publish HTTP/1.1");
    assert!(request.ends_with(r#"{"messages":[{"channel":"a","data":"AP8=","encoding":"base64","key":"k"},{"channel":"b c","data":1,"event":"e"}]}"#));

    let answer = Answer::json(r#"{"results":[{"position":"a-6"}]}"#);
    let (result, request) = publish(answer, |message| message.key("k")).await;
    assert_eq!(result.unwrap(), "a-6");
    assert!(request.ends_with(r#"{"messages":[{"channel":"chat.room1","key":"k"}]}"#));
}

#[tokio::test]
async fn errors_say_whose_fault_it_was() {
    let problem = r#"{"type":"t","title":"Too large","status":413,"detail":"2 MiB","code":"payload_too_large"}"#;
    let answer = Answer::problem("413 Content Too Large", problem);
    let error = publish(answer, |message| message.text("x")).await.0.unwrap_err();
    assert_eq!(error.to_string(), "the server refused the message: Too large: 2 MiB");
    assert!(!error.retryable());

    let answer = Answer::problem("503 Service Unavailable\r\nretry-after: 7", "{}");
    let error = publish(answer, |message| message.text("x")).await.0.unwrap_err();
    assert!(error.retryable());
    let PublishError::Unavailable { retry_after, .. } = error else { panic!() };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));

    let error = publish(Answer::json("{}"), |message| message.text("x")).await.0.unwrap_err();
    assert!(matches!(error, PublishError::BadAnswer(_)));

    let cut = Answer::new("200 OK\r\ncontent-length: 99", "application/json", "{");
    let error = publish(cut, |message| message.text("x")).await.0.unwrap_err();
    assert!(matches!(error, PublishError::NoAnswer(_)) && error.retryable());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for_longer_than_allowed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let timeout = Duration::from_millis(100);
    let client = Client::builder(&base).request_timeout(timeout).build().unwrap();
    let error = soon(client.publish("a").text("x").send()).await.unwrap_err();
    assert!(matches!(error, PublishError::NoAnswer(_)), "{error:?}");

    let error = client.publish("a").text("x").message_id("a\nb").send().await.unwrap_err();
    assert!(matches!(error, PublishError::BadRequest(_)), "{error:?}");
}

/// What a client sends, and its tokens, stay with the server that it was made for.
#[tokio::test]
async fn a_redirect_to_another_server_is_not_followed() {
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location =
        format!("307 Temporary Redirect\r\nlocation: http://{}/", elsewhere.local_addr().unwrap());
    let (result, _) = publish(Answer::new(&location, "text/plain", ""), |it| it.text("hi")).await;
    assert!(matches!(result, Err(PublishError::Refused(problem)) if problem.status == 307));
}
