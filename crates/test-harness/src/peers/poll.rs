//! Long polls, each from where the one before it ended.

use super::{Gap, Heard, Message, Told, http, query, text};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::{collections::VecDeque, net::SocketAddr};

/// A subscription by polls.
#[derive(Debug)]
pub(super) struct Polls {
    address: SocketAddr,
    channels: Vec<String>,
    since: String,
    told: VecDeque<Told>,
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
            told: VecDeque::new(),
        };
        match since {
            // To hear from now on, it takes a position to go on from.
            None | Some("now") => polls.ask("0s").await?,
            Some(since) => polls.told.push_back(Told::Position(since.to_owned())),
        }
        Ok(polls)
    }

    pub(super) async fn next(&mut self) -> Result<Option<Told>> {
        loop {
            if let Some(told) = self.told.pop_front() {
                return Ok(Some(told));
            }
            self.ask("5s").await?;
        }
    }

    async fn ask(&mut self, wait: &str) -> Result<()> {
        let channels: Vec<&str> = self.channels.iter().map(String::as_str).collect();
        let path = format!("/poll?{}&wait={wait}", query(&channels, Some(&self.since)));
        let answer = http::get(self.address, &path, &[]).await?.json().await?;
        for gap in answer.get("gaps").and_then(Value::as_array).into_iter().flatten() {
            self.told.push_back(Told::Heard(Heard::Gap(Gap::from_json(gap)?)));
        }
        let messages = answer.get("messages").and_then(Value::as_array);
        for message in messages.context("no messages, not even none")? {
            self.told.push_back(Told::Heard(Heard::Message(Message::from_json(message)?)));
        }
        self.since = text(&answer, "position")?;
        self.told.push_back(Told::Position(self.since.clone()));
        Ok(())
    }
}
