//! Each route × no credentials, bad ones, those that do not suffice and those that do.

use crate::{
    browsers::send,
    common::{check_problem, within},
    guarded::{Guarded, content, forge, sign},
};
use anyhow::{Result, ensure};
use std::net::SocketAddr;
use tidewire_test_harness::peers::http::{self, Answer};
use tidewire_tokens::Claims;

const SOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

const BODY: &str =
    "Content-Type: application/json\r\nContent-Length: 23\r\n\r\n{\"channels\":[\"room.a\"]}";

/// The first line of a request, what comes after it, and the status of the answer to somebody who may.
const ROUTES: [(&str, &str, u16); 20] = [
    ("POST /publish/room.a", "Content-Length: 5\r\n\r\nhello", 200),
    ("GET /events?channel=room.a", "\r\n", 200),
    ("HEAD /events?channel=room.a", "\r\n", 200),
    ("GET /events?channel=room.a&since=earliest", "\r\n", 200),
    ("GET /events?channel=room.*&since=5m", "\r\n", 200),
    ("POST /events", BODY, 200),
    ("QUERY /poll?wait=0", BODY, 200),
    ("POST /stream?since=earliest", BODY, 200),
    ("GET /stream?channel=room.a", "\r\n", 200),
    ("HEAD /stream?channel=room.a&since=earliest", "\r\n", 200),
    ("GET /poll?channel=room.a&wait=0", "\r\n", 200),
    ("HEAD /poll?channel=room.a", "\r\n", 200),
    ("GET /poll?channel=room.a&since=earliest&wait=0", "\r\n", 200),
    ("GET /ws?channel=room.a", SOCKET, 101),
    ("GET /ws?channel=room.a&since=earliest", SOCKET, 101),
    ("GET /?channel=room.>", SOCKET, 101),
    ("GET /channels/room.a/messages", "\r\n", 200),
    ("GET /channels/room.>/messages?before=now", "\r\n", 200),
    ("GET /channels/room.a/presence", "\r\n", 200),
    ("GET /channels/$presence.room.a/messages", "\r\n", 200),
];

async fn ask(
    address: SocketAddr,
    (line, rest): (&str, &str),
    token: Option<&str>,
) -> Result<Answer> {
    let rest = if rest == SOCKET { format!("{rest}\r\n") } else { rest.to_owned() };
    let request = format!("{line} HTTP/1.1\r\n{rest}");
    let authorization = token.map(|token| format!("Authorization: Bearer {token}"));
    let lines: Vec<&str> =
        ["Host: localhost"].into_iter().chain(authorization.as_deref()).collect();
    send(address, &request, &lines).await
}

/// Checks a refusal, of which a `HEAD` has only the head.
async fn check(answer: Answer, line: &str, status: u16, code: &str, challenge: &str) -> Result<()> {
    let challenged = answer.header("www-authenticate").map(str::to_owned);
    ensure!(answer.status == status, "{line}: {}", answer.status);
    ensure!(challenged.as_deref() == Some(challenge), "{line}: {challenged:?}");
    if !line.starts_with("HEAD") {
        check_problem(answer, status, code).await?;
    }
    Ok(())
}

#[tokio::test]
async fn each_route_asks_who_it_is() -> Result<()> {
    within(120, async {
        let rooms = "[channels.\"room.>\"]\npresence = true";
        let guarded = Guarded::start("", rooms, &[]).await?;
        let address = guarded.server.address();
        let may = sign(&content()?)?;
        let expired = sign(&Claims { expires_ms: 1_000, ..content()? })?;
        let (bearer, invalid) = ("Bearer", "Bearer error=\"invalid_token\"");
        for (line, rest, status) in ROUTES {
            let answer = ask(address, (line, rest), None).await?;
            check(answer, line, 401, "unauthorized", bearer).await?;
            for bad in [&*forge(&content()?)?, "nonsense", "a.b.c", "a,b", ""] {
                let answer = ask(address, (line, rest), Some(bad)).await?;
                check(answer, line, 401, "unauthorized", invalid).await?;
            }
            let answer = ask(address, (line, rest), Some(&expired)).await?;
            check(answer, line, 401, "expired", invalid).await?;
            let others = Claims { expires_ms: content()?.expires_ms, ..Default::default() };
            let answer = ask(address, (line, rest), Some(&sign(&others)?)).await?;
            check(answer, line, 403, "forbidden", "Bearer error=\"insufficient_scope\"").await?;
            let answer = ask(address, (line, rest), Some(&may)).await?;
            ensure!(answer.status == status, "{line}: {}", answer.status);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_looks_back_needs_history_and_a_position_does_not() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let address = guarded.server.address();
        let (publish, token) =
            (("POST /publish/room.a", "Content-Length: 1\r\n\r\na"), sign(&content()?)?);
        let position = ask(address, publish, Some(&token)).await?.json().await?;
        let without = sign(&Claims { history: false, ..content()? })?;
        for (line, rest, status) in ROUTES {
            let looks_back = ["since=", "messages"].iter().any(|part| line.contains(part));
            let answer = ask(address, (line, rest), Some(&without)).await?;
            if looks_back {
                check(answer, line, 403, "forbidden", "Bearer error=\"insufficient_scope\"")
                    .await?;
            } else if !line.contains("presence") {
                ensure!(answer.status == status, "{line}: {}", answer.status);
            }
        }
        let after = format!(
            "GET /poll?channel=room.a&wait=0&since={}",
            position["position"].as_str().unwrap()
        );
        ensure!(ask(address, (&after, "\r\n"), Some(&without)).await?.status == 200);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_messages_of_a_batch_are_judged_one_by_one() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        let address = guarded.server.address();
        let body = br#"{"messages":[{"channel":"room.a","data":1},{"channel":"other","data":2}]}"#;
        let refused = http::post(address, "/publish", &[], body).await?;
        check_problem(refused, 401, "unauthorized").await?;
        let bearer = format!("Bearer {}", sign(&content()?)?);
        let answer = http::post(address, "/publish", &[("Authorization", &*bearer)], body).await?;
        let results = answer.json().await?["results"].clone();
        ensure!(results[0]["position"].is_string(), "{results}");
        ensure!(results[1]["error"]["code"] == "forbidden", "{results}");
        let message = results[1]["error"]["message"].as_str().unwrap_or_default();
        ensure!(message.starts_with("publishing to other is not allowed"), "{message}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_page_and_the_probes_are_for_everybody() -> Result<()> {
    within(60, async {
        let guarded = Guarded::start("", "", &[]).await?;
        for path in ["/", "/assets/tidewire.js", "/favicon.ico", "/health/live", "/health/ready"] {
            for headers in [&[][..], &[("Authorization", "Bearer nonsense")]] {
                let answer = http::get(guarded.server.address(), path, headers).await?;
                ensure!(answer.status == 200, "{path}: {}", answer.status);
            }
        }
        Ok(())
    })
    .await
}
