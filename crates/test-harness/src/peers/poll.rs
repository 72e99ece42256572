//! Long polls, each from where the one before it ended.

use super::{Gap, Incoming, Message, Received, http, query, text};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::{collections::VecDeque, net::SocketAddr};

/// A subscription by polls.
#[derive(Debug)]
pub(super) struct Polls {
    address: SocketAddr,
    channels: Vec<String>,
    since: String,
    incoming: VecDeque<Incoming>,
}

impl Polls {
    pub(super) async fn open(
        address: SocketAddr,
        channels: &[&str],
        since: Option<&str>,
    ) -> Result<Self> {
        let mut polls = Self {
            address,
            channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
            since: since.unwrap_or("now").to_owned(),
            incoming: VecDeque::new(),
        };
        match since {
            // To receive messages from now on, a poll needs a position to continue from.
            None | Some("now") => polls.ask("0s").await?,
            Some(since) => polls.incoming.push_back(Incoming::Position(since.to_owned())),
        }
        Ok(polls)
    }

    pub(super) async fn next(&mut self) -> Result<Option<Incoming>> {
        loop {
            if let Some(incoming) = self.incoming.pop_front() {
                return Ok(Some(incoming));
            }
            self.ask("5s").await?;
        }
    }

    async fn ask(&mut self, wait: &str) -> Result<()> {
        let channels: Vec<&str> = self.channels.iter().map(String::as_str).collect();
        let path = format!("/poll?{}&wait={wait}", query(&channels, Some(&self.since)));
        let answer = http::get(self.address, &path, &[]).await?.json().await?;
        for gap in answer.get("gaps").and_then(Value::as_array).into_iter().flatten() {
            self.incoming.push_back(Incoming::Received(Received::Gap(Gap::from_json(gap)?)));
        }
        let messages = answer.get("messages").and_then(Value::as_array);
        for message in messages.context("no messages, not even none")? {
            self.incoming
                .push_back(Incoming::Received(Received::Message(Message::from_json(message)?)));
        }
        self.since = text(&answer, "position")?;
        self.incoming.push_back(Incoming::Position(self.since.clone()));
        Ok(())
    }
}
