//! Requests as browsers send them for a page, its host and origin said by each test.

use anyhow::Result;
use serde_json::Value;
use std::net::SocketAddr;
use tidewire_test_harness::peers::http::{Answer, exchange, get};

/// Everything that changes something, or that a page of any origin could otherwise read.
pub(crate) const ACTS: [&str; 4] = [PUBLISH, BATCH, SOCKET, SOCKET_AT_ROOT];

pub(crate) const PUBLISH: &str = "POST /publish/a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";

pub(crate) const BATCH: &str = "POST /publish HTTP/1.1\r\nContent-Length: 45\r\n\r\n\
    {\"messages\":[{\"channel\":\"a\",\"data\":\"hello\"}]}";

pub(crate) const SOCKET: &str = "GET /ws?channel=a HTTP/1.1\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(crate) const SOCKET_AT_ROOT: &str = "GET / HTTP/1.1\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// What is only read.
pub(crate) const READS: [&str; 9] = [
    "GET /events HTTP/1.1\r\n\r\n",
    "GET /stream HTTP/1.1\r\n\r\n",
    "GET /poll?since=earliest&wait=0 HTTP/1.1\r\n\r\n",
    "GET /channels HTTP/1.1\r\n\r\n",
    "GET /channels/a/messages HTTP/1.1\r\n\r\n",
    "GET /channels/room.1/presence HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET /assets/tidewire.js HTTP/1.1\r\n\r\n",
    "GET /favicon.ico HTTP/1.1\r\n\r\n",
];

/// Sends a request with these header lines before its own.
pub(crate) async fn send(address: SocketAddr, request: &str, lines: &[&str]) -> Result<Answer> {
    let (first, rest) = request.split_once("\r\n").unwrap_or((request, ""));
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    exchange(address, format!("{first}\r\n{lines}{rest}").as_bytes()).await
}

/// Whether the headers say to caches that the answer depends on the page that asks.
pub(crate) fn varies_by_origin(answer: &Answer) -> bool {
    let values = answer.headers.iter().filter(|(name, _)| name == "vary").map(|(_, value)| value);
    values.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("origin"))
}

/// How many messages the channel `a` holds, to see that nothing was published.
pub(crate) async fn published(address: SocketAddr) -> Result<usize> {
    let page = get(address, "/channels/a/messages", &[]).await?.json().await?;
    Ok(page.get("messages").and_then(Value::as_array).map_or(0, Vec::len))
}
