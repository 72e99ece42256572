//! An event stream: what `EventSource` makes of it, with the last event id at hand.

use super::{Gap, Incoming, Message, Received, http, query};
use anyhow::{Context as _, Result, ensure};
use sse_codec::{Event, Item, Parser};
use std::{collections::VecDeque, net::SocketAddr};

/// One event stream.
#[derive(Debug)]
pub(super) struct Events {
    body: http::Body,
    parser: Parser,
    incoming: VecDeque<Incoming>,
    /// The last event id that came.
    position: String,
}

impl Events {
    pub(super) async fn open(
        address: SocketAddr,
        channels: &[&str],
        since: Option<&str>,
    ) -> Result<Self> {
        // As a browser does it: what it once asked for in the URL, where it was in a header.
        let is_word = since.is_none_or(|since| since == "earliest" || since == "now");
        let path = format!("/events?{}", query(channels, since.filter(|_| is_word)));
        let header = since.filter(|_| !is_word).map(|since| ("Last-Event-ID", since));
        let mut headers = vec![("Accept", "text/event-stream")];
        headers.extend(header);
        let answer = http::get(address, &path, &headers).await?;
        ensure!(answer.status == 200, "answered with {}", answer.status);
        let content_type = answer.header("content-type").context("no content type")?;
        ensure!(content_type.starts_with("text/event-stream"), "it is {content_type}");
        Ok(Self {
            body: answer.body,
            parser: Parser::new(),
            incoming: VecDeque::new(),
            position: String::new(),
        })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Incoming>> {
        loop {
            if let Some(incoming) = self.incoming.pop_front() {
                return Ok(Some(incoming));
            }
            let Some(piece) = self.body.next().await? else { return Ok(None) };
            self.handle(&piece)?;
        }
    }

    /// Takes in one line at a time: a block with nothing but an id dispatches nothing, and yet
    /// moves the position before what follows it.
    fn handle(&mut self, piece: &[u8]) -> Result<()> {
        for mut line in piece.split_inclusive(|byte| *byte == b'\n') {
            while let Some(item) = self.parser.parse(&mut line)? {
                // A goodbye is for programs that wait before they reconnect.
                if let Item::Event(event) = item
                    && event.name != "$goodbye"
                {
                    self.incoming.push_back(Incoming::Received(received(event)?));
                }
            }
            if self.parser.last_event_id() != self.position {
                self.position = self.parser.last_event_id().to_owned();
                self.incoming.push_back(Incoming::Position(self.position.clone()));
            }
        }
        Ok(())
    }
}

fn received(event: Event<'_>) -> Result<Received> {
    if event.name == "$gap" {
        return Ok(Received::Gap(Gap::from_json(&serde_json::from_str(event.data)?)?));
    }
    Ok(Received::Message(Message {
        position: event.last_event_id.to_owned(),
        channel: None,
        data: event.data.to_owned(),
    }))
}
