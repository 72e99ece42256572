//! Failures count in a row: anything received for a subscription starts the count again.

use crate::scripted::{Answer, Server, error, texts};
use tidewire_client::{SubscribeError, Wire};

const PROBLEM: &str = r#"{"type":"urn:tidewire:problem:unavailable","title":"Not now","status":503,"detail":"","code":"unavailable"}"#;

fn down() -> Answer {
    Answer::problem("503 Service Unavailable", PROBLEM)
}

fn up(offset: u64) -> Answer {
    Answer::sse(&format!(
        "id: a-{offset}\ndata: {{\"channel\":\"x\",\"position\":\"a-{offset}\",\"time\":0,\"data\":\"{offset}\"}}\n\n"
    ))
}

#[tokio::test]
async fn two_failures_before_and_after_a_success_are_not_four() {
    let script = [down(), down(), up(1), down(), down(), up(2)];
    let server = Server::start(script).await;
    let mut deliveries = server.subscribe(&["x"]).wire(Wire::Sse).attempts_max(4).stream();
    assert_eq!(texts(&mut deliveries, 2).await, ["1", "2"]);
    // The last connection ends as well, and nobody listens any more.
    let SubscribeError::Unreachable { attempts, .. } = error(&mut deliveries).await else {
        panic!()
    };
    assert_eq!(attempts, 4);
}
