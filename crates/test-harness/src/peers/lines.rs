//! An NDJSON stream.

use super::{Gap, Incoming, Message, Received, http, query, text};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;

/// One stream.
#[derive(Debug)]
pub(super) struct Lines {
    body: http::Body,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) async fn open(
        address: SocketAddr,
        channels: &[&str],
        since: Option<&str>,
    ) -> Result<Self> {
        let answer =
            http::get(address, &format!("/stream?{}", query(channels, since)), &[]).await?;
        ensure!(answer.status == 200, "answered with {}", answer.status);
        Ok(Self { body: answer.body, buffer: Vec::new() })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Incoming>> {
        let line = loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                break self.buffer.drain(..=end).collect::<Vec<u8>>();
            }
            let Some(piece) = self.body.next().await? else { return Ok(None) };
            self.buffer.extend(piece);
        };
        let line: Value = serde_json::from_slice(&line)?;
        if line.get("channel").is_none() {
            return Ok(Some(Incoming::Position(text(&line, "position")?)));
        }
        let is_gap = line.get("type").and_then(Value::as_str) == Some("gap");
        Ok(Some(Incoming::Received(match is_gap {
            true => Received::Gap(Gap::from_json(&line)?),
            false => Received::Message(Message::from_json(&line)?),
        })))
    }
}
