//! Limits by connection, address and user: each answer names the limit, and when to come back. Each case has an
//! address of its own, which a proxy names.

use crate::{
    common::{check_problem, within},
    guarded::{Guarded, content, forge, sign},
    renewing::{frame_of, send},
    scrape::{check, scrape},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tidewire_test_harness::{
    peers::{
        http::{self, Answer},
        websocket::Socket,
    },
    server::command,
};
use tidewire_tokens::Claims;

const PROXY: &str = "trusted_proxies = \"127.0.0.1\"";

/// A token of this subject.
fn token(subject: Option<&str>) -> Result<String> {
    sign(&Claims { subject: subject.map(str::to_owned), ..content()? })
}

/// Sends a request from `address`, with a body if it publishes.
async fn ask(guarded: &Guarded, address: &str, path: &str, token: &str) -> Result<Answer> {
    let bearer = format!("Bearer {token}");
    let headers = [("X-Forwarded-For", address), ("Authorization", &bearer)];
    match path.starts_with("/publish") || path == "/tickets" {
        true => http::post(guarded.server.address(), path, &headers, b"0").await,
        false => http::get(guarded.server.address(), path, &headers).await,
    }
}

/// Checks that it was refused at this limit, for at least that many seconds.
async fn check_refused(answer: Answer, limit: &str, seconds: u64) -> Result<()> {
    let wait = answer.header("retry-after").context("no Retry-After")?.parse::<u64>()?;
    let detail = check_problem(answer, 429, "limit_reached").await?;
    ensure!(detail.contains(limit) && wait >= seconds, "{wait} s: {detail}");
    Ok(())
}

#[tokio::test]
async fn publishes_are_limited_by_connection_address_and_user() -> Result<()> {
    within(30, async {
        let settings = format!(
            "{PROXY}\npublishes_per_connection = \"2/h\"\npublishes_per_address = \"4/h\"\npublishes_per_user = \"5/h\""
        );
        let guarded = Guarded::start(&settings, "", &[]).await?;
        let server = guarded.server.address();
        let publish = |address, subject: &'static str| {
            let guarded = &guarded;
            async move {
                let token = token(Some(subject).filter(|subject| !subject.is_empty()))?;
                ask(guarded, address, "/publish/room.a", &token).await
            }
        };
        // Each request has a connection of its own.
        for address in ["192.0.2.1"; 4] {
            ensure!(publish(address, "").await?.status == 200);
        }
        check_refused(publish("192.0.2.1", "").await?, "publishes_per_address", 600).await?;
        for address in ["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "2001:db8::1"] {
            ensure!(publish(address, "alice").await?.status == 200);
        }
        check_refused(publish("192.0.2.6", "alice").await?, "publishes_per_user", 600).await?;
        // A batch: one connection, an answer for each message.
        let messages = json!({"messages": vec![json!({"channel": "room.a", "data": 1}); 3]});
        let bearer = format!("Bearer {}", token(Some("bob"))?);
        let headers = [("X-Forwarded-For", "192.0.2.7"), ("Authorization", &*bearer)];
        let answer = http::post(server, "/publish", &headers, messages.to_string().as_bytes()).await?;
        let results = answer.json().await?;
        let codes: Vec<_> = (0..3).map(|at| results["results"][at]["error"]["code"].clone()).collect();
        ensure!(codes == [json!(null), json!(null), json!("limit_reached")], "{results}");
        // A WebSocket, which publishes from the address of the proxy itself.
        let (mut socket, _) = Socket::speak(server).await?;
        send(&mut socket, json!({"type": "token", "id": 1, "token": token(Some("carol"))?})).await?;
        for id in 2..5 {
            send(&mut socket, json!({"type": "publish", "id": id, "channel": "room.a", "data": 1})).await?;
        }
        let error = frame_of(&mut socket, "error").await?;
        let wait = error["retry_ms"].as_u64().context("no retry_ms")?;
        ensure!(error["id"] == 4 && error["code"] == "limit_reached" && wait > 600_000, "{error}");
        let limits = [
            ("tidewire_limits_reached_total{limit=\"publishes_per_connection\"}", 2.0),
            ("tidewire_limits_reached_total{limit=\"publishes_per_address\"}", 1.0),
            ("tidewire_limits_reached_total{limit=\"publishes_per_user\"}", 1.0),
        ];
        check(&scrape(server).await?, &limits)
    })
    .await
}

#[tokio::test]
async fn an_api_key_publishes_so_many_messages_from_wherever() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let list = folder.path().join("keys.json");
        let list = list.to_str().context("the folder is not UTF-8")?;
        let mut keys = Vec::new();
        for name in ["billing", "reports"] {
            let arguments = ["key", "create", name, "--publish", "room.>", "--file", list];
            let created = command()?.args(arguments).output().await?;
            ensure!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
            keys.push(String::from_utf8(created.stdout)?.trim().to_owned());
        }
        let settings = format!("{PROXY}\napi_keys_file = {list:?}\npublishes_per_key = \"2/h\"");
        let guarded = Guarded::start(&settings, "", &[]).await?;
        let publish = |address, key| ask(&guarded, address, "/publish/room.a", key);
        for address in ["192.0.2.1", "192.0.2.2"] {
            ensure!(publish(address, &keys[0]).await?.status == 200);
        }
        check_refused(publish("192.0.2.3", &keys[0]).await?, "publishes_per_key", 600).await?;
        ensure!(publish("192.0.2.3", &keys[1]).await?.status == 200, "each key for itself");
        let refused = [("tidewire_limits_reached_total{limit=\"publishes_per_key\"}", 1.0)];
        check(&scrape(guarded.server.address()).await?, &refused)
    })
    .await
}

#[tokio::test]
async fn an_address_and_a_user_have_so_many_connections_at_a_time_over_http() -> Result<()> {
    within(30, async {
        let settings = format!("{PROXY}\nconnections_per_address = 2\nconnections_per_user = 2");
        let guarded = Guarded::start(&settings, "", &[]).await?;
        let (nobody, alice) = (token(None)?, token(Some("alice"))?);
        let follow = |address, token| ask(&guarded, address, "/stream?channel=room.a", token);
        let first = follow("192.0.2.1", &nobody).await?;
        let _second = follow("192.0.2.1", &nobody).await?;
        check_refused(follow("192.0.2.1", &nobody).await?, "connections_per_address", 1).await?;
        // An EventSource gets an event, and comes back.
        let events = ask(&guarded, "192.0.2.1", "/events?channel=room.a", &nobody).await?;
        ensure!(events.status == 200);
        let text = events.text().await?;
        ensure!(
            text.contains("event: $error") && text.contains("connections_per_address"),
            "{text}"
        );
        let mut of_alice = Vec::new();
        for address in ["192.0.2.2", "192.0.2.3"] {
            of_alice.push(follow(address, &alice).await?);
        }
        check_refused(follow("192.0.2.4", &alice).await?, "connections_per_user", 1).await?;
        // By a frame, too.
        let (mut socket, _) = Socket::speak(guarded.server.address()).await?;
        send(&mut socket, json!({"type": "token", "id": 1, "token": alice})).await?;
        let error = frame_of(&mut socket, "error").await?;
        ensure!(error["code"] == "limit_reached", "{error}");
        // One that has ended gives its place back.
        drop((first, of_alice));
        while follow("192.0.2.1", &alice).await?.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tickets_and_wrong_tokens_are_limited_by_address() -> Result<()> {
    within(30, async {
        let settings = format!(
            "{PROXY}\ntickets_per_address = \"1/h\"\nfailed_tokens_per_address = \"3/h\"\nurl_bytes_max = \"1KiB\""
        );
        let guarded = Guarded::start(&settings, "", &[]).await?;
        let (right, wrong) = (token(None)?, forge(&content()?)?);
        ensure!(ask(&guarded, "192.0.2.1", "/tickets", &right).await?.status == 200);
        check_refused(ask(&guarded, "192.0.2.1", "/tickets", &right).await?, "tickets_per_address", 600).await?;
        let path = "/poll?channel=room.a&wait=0";
        for token in [&wrong, "nonsense"] {
            ensure!(ask(&guarded, "192.0.2.2", path, token).await?.status == 401);
        }
        let guess = format!("{path}&ticket=AAAAAAAAAAAAAAAAAAAAAA");
        let forwarded = [("X-Forwarded-For", "192.0.2.2")];
        let server = guarded.server.address();
        ensure!(http::get(server, &guess, &forwarded).await?.status == 401);
        // Nothing is looked at any more, neither a guess nor what is right.
        check_refused(http::get(server, &guess, &forwarded).await?, "failed_tokens_per_address", 600).await?;
        let locked_out = ask(&guarded, "192.0.2.2", path, &right).await?;
        check_refused(locked_out, "failed_tokens_per_address", 600).await?;
        ensure!(ask(&guarded, "192.0.2.3", path, &right).await?.status == 200);
        // A token in a frame counts at the address of its connection, here the proxy's own.
        for expected in ["unauthorized", "unauthorized", "unauthorized", "limit_reached"] {
            let (mut socket, _) = Socket::speak(server).await?;
            send(&mut socket, json!({"type": "token", "id": 1, "token": wrong})).await?;
            let error = frame_of(&mut socket, "error").await?;
            ensure!(error["code"] == expected, "{error}");
        }
        let long = format!("/poll?channel={}", "a".repeat(1_024));
        let detail = check_problem(ask(&guarded, "192.0.2.3", &long, &right).await?, 414, "uri_too_long").await?;
        ensure!(detail.contains("url_bytes_max"), "{detail}");
        check(&scrape(server).await?, &[("tidewire_limits_reached_total{limit=\"url_bytes_max\"}", 1.0)])
    })
    .await
}

#[tokio::test]
async fn a_body_that_does_not_end_gets_408() -> Result<()> {
    within(30, async {
        let guarded = Guarded::start("body_wait = \"200ms\"", "", &[]).await?;
        let head = "POST /publish/room.a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n";
        let request = format!("{head}Authorization: Bearer {}\r\n\r\n0", token(None)?);
        let answer = http::exchange(guarded.server.address(), request.as_bytes()).await?;
        check_problem(answer, 408, "timeout").await.map(drop)
    })
    .await
}
