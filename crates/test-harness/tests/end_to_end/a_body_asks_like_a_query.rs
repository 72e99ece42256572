//! `POST` and `QUERY` on `/events`, `/stream` and `/poll`: what a URL would ask for, as JSON in the body.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::net::SocketAddr;
use tidewire_test_harness::{
    peers::http::{Answer, exchange, get, post, publish},
    server::Server,
};

const PATHS: [&str; 3] = ["/events", "/stream", "/poll"];

/// A request with a body, its type and further header lines.
async fn ask(
    address: SocketAddr,
    method_and_path: &str,
    lines: &str,
    body: &str,
) -> Result<Answer> {
    let length = body.len();
    let head = format!(
        "{method_and_path} HTTP/1.1\r\nHost: {address}\r\n{lines}Content-Length: {length}\r\n\r\n"
    );
    exchange(address, [head.as_bytes(), body.as_bytes()].concat().as_slice()).await
}

/// Reads on until all of these have come, in this order.
async fn read_until(answer: &mut Answer, parts: &[&str]) -> Result<()> {
    let mut said = String::new();
    loop {
        let mut rest = &*said;
        if parts.iter().all(|part| rest.split_once(part).map(|(_, after)| rest = after).is_some()) {
            return Ok(());
        }
        let more = answer.body.next().await?;
        said += &String::from_utf8(more.with_context(|| format!("it ended with {said}"))?)?;
    }
}

#[tokio::test]
async fn a_body_subscribes_replays_and_goes_on_live_by_either_method() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        publish(address, "chat.a", "first").await?;
        let body = json!({"channels": ["chat.*", "news"], "since": "earliest"}).to_string();
        let json_type = "Content-Type: application/json\r\n";
        for method in ["POST", "QUERY"] {
            for path in ["/events", "/stream"] {
                let mut answer =
                    ask(address, &format!("{method} {path}"), json_type, &body).await?;
                ensure!(answer.status == 200, "{method} {path}: {}", answer.status);
                publish(address, "news", &format!("live for {method} {path}")).await?;
                let live = format!("live for {method} {path}");
                read_until(&mut answer, &["first", &live]).await.context(path)?;
            }
            let answer = ask(address, &format!("{method} /poll"), json_type, &body).await?;
            ensure!(answer.json().await?["messages"][0]["data"] == "first");
        }
        // A chunked body, as a stream of fetch has one.
        let chunked = format!(
            "POST /events HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n\
             {:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        let mut answer = exchange(address, chunked.as_bytes()).await?;
        read_until(&mut answer, &["data: first"]).await
    })
    .await
}

#[tokio::test]
async fn more_channels_than_a_url_holds_fit_and_the_limits_are_the_same() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        let names = |count: usize| -> Vec<String> {
            (0..count).map(|n| format!("{}.{n}", "x".repeat(240))).collect()
        };
        let body = json!({"channels": names(256)}).to_string();
        ensure!(body.len() > 62_000);
        let mut answer = post(address, "/events", &[], body.as_bytes()).await?;
        publish(address, &names(256)[255], "to the last").await?;
        read_until(&mut answer, &["data: to the last"]).await?;
        for path in PATHS {
            let many = json!({"channels": names(257)}).to_string();
            let answer = post(address, path, &[], many.as_bytes()).await?;
            check_problem(answer, 400, "too_many_subscriptions").await?;
            let large = format!("{{\"since\":\"{}\"}}", "x".repeat(128 << 10));
            let answer = post(address, path, &[], large.as_bytes()).await?;
            check_problem(answer, 413, "payload_too_large").await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_a_body_may_not_say_is_refused_and_no_place_is_taken() -> Result<()> {
    within(60, async {
        let server = Server::start(&["--connections-max", "1"]).await?;
        let address = server.address();
        for path in PATHS {
            for (body, code, part) in [
                (r#"{"chanels":["a"]}"#, "bad_request", "did you mean channels?"),
                (r#"{"channels":["a b"]}"#, "bad_channel", "holds ' '"),
                (r#"{"since":"yesterday"}"#, "bad_position", "not a position or a time"),
                ("", "bad_request", "one JSON object"),
            ] {
                let answer = post(address, path, &[], body.as_bytes()).await?;
                let detail = check_problem(answer, 400, code).await?;
                ensure!(detail.contains(part), "{path} {body}: {detail}");
            }
            let asked = format!("QUERY {path}");
            let answer = ask(address, &asked, "Content-Type: text/plain\r\n", "{}").await?;
            check_problem(answer, 415, "unsupported").await?;
        }
        let mut answer = get(address, "/events", &[]).await?;
        read_until(&mut answer, &["id: "]).await
    })
    .await
}
