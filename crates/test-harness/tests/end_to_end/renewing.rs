//! What the tests of renewals and tickets share: tokens of somebody for some seconds, and streams that are read on.

use crate::guarded::{Guarded, now_ms, sign};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use tidewire_test_harness::peers::{
    http::{self, Answer, get},
    websocket::{Frame, Socket},
};
use tidewire_tokens::Claims;

/// A token of `subject`, or of nobody in particular if that is empty, to read these channels for that many seconds: at most,
/// as a token knows only whole ones.
pub(crate) fn token(subject: &str, subscribe: &[&str], seconds: u64) -> Result<String> {
    let claims = Claims {
        subject: Some(subject.to_owned()).filter(|subject| !subject.is_empty()),
        expires_ms: now_ms()? + seconds * 1_000,
        subscribe: subscribe.iter().map(|one| Ok(one.parse()?)).collect::<Result<_>>()?,
        ..Claims::default()
    };
    sign(&claims)
}

/// Publishes with a token for that.
pub(crate) async fn publish(guarded: &Guarded, channel: &str, text: &str) -> Result<()> {
    let expires_ms = now_ms()? + 60_000;
    let claims = Claims { expires_ms, publish: vec![">".parse()?], ..Claims::default() };
    let path = format!("/publish/{channel}");
    let answer = post(guarded.server.address(), &path, &sign(&claims)?, text).await?;
    answer.json().await?;
    Ok(())
}

/// `GET`s with a token.
pub(crate) async fn get_with(address: SocketAddr, path: &str, token: &str) -> Result<Answer> {
    get(address, path, &[("Authorization", &format!("Bearer {token}"))]).await
}

/// `POST`s with a token.
pub(crate) async fn post(
    address: SocketAddr,
    path: &str,
    token: &str,
    body: &str,
) -> Result<Answer> {
    let headers = [("Authorization", &*format!("Bearer {token}"))];
    http::post(address, path, &headers, body.as_bytes()).await
}

/// What a stream says, up to and including a part that is awaited.
pub(crate) struct Stream {
    answer: Answer,
    said: String,
}

impl Stream {
    pub(crate) fn of(answer: Answer) -> Result<Self> {
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(Self { answer, said: String::new() })
    }

    /// Reads on until `part` has come, and gives what came up to its end.
    pub(crate) async fn until(&mut self, part: &str) -> Result<String> {
        loop {
            if let Some((before, _)) = self.said.split_once(part) {
                let end = before.len() + part.len();
                return Ok(self.said.drain(..end).collect());
            }
            let more = self.answer.body.next().await?;
            let more = more.with_context(|| format!("no {part}; it ended with {}", self.said))?;
            self.said += str::from_utf8(&more)?;
        }
    }

    /// The secret name of the connection, which its first event or line says.
    pub(crate) async fn renewal_id(&mut self) -> Result<String> {
        let first = self.until("}\n").await?;
        let json = first.trim_start_matches("event: $connection\ndata: ");
        let connection: Value = serde_json::from_str(json).with_context(|| first.clone())?;
        ensure!(connection["type"] == "connection", "{first}");
        Ok(connection["id"].as_str().context("no id")?.to_owned())
    }
}

/// Sends a request of `tidewire.v1`.
pub(crate) async fn send(socket: &mut Socket, request: Value) -> Result<()> {
    socket.send(Frame::text(request.to_string())).await
}

/// Reads on until a frame of this type has come.
pub(crate) async fn frame_of(socket: &mut Socket, kind: &str) -> Result<Value> {
    loop {
        let frame = socket.json().await?.with_context(|| format!("closed without {kind}"))?;
        if frame["type"] == kind {
            return Ok(frame);
        }
        ensure!(frame["type"] != "error", "{frame}");
    }
}
