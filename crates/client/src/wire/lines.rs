//! The NDJSON stream: `GET /stream`, one object a line, resumed by `since`.

use super::{
    next_chunk, open_body,
    renewal::{Received, Renewal},
    subscribe_request,
};
use crate::{
    Client,
    machine::{Failure, Item, Opening},
};
use reqwest::Response;
use std::collections::VecDeque;
use tidewire_protocol::StreamLine;
use tokio::select;

#[derive(Debug)]
pub(crate) struct Lines {
    response: Response,
    /// A line without its end.
    unfinished: Vec<u8>,
    items: VecDeque<Item>,
    renewal: Renewal,
}

impl Lines {
    pub(super) async fn open(client: &Client, opening: &Opening) -> Result<Self, Failure> {
        let since = opening.since.to_string();
        let mut parameters = vec![("since", since.as_str()), ("format", "json")];
        parameters.extend(client.member());
        let request = subscribe_request(client, "stream", &opening.channels, &parameters);
        let response = open_body(client, request, MEDIA_TYPES).await?;
        let renewal = Renewal::new(client);
        Ok(Self { response, unfinished: Vec::new(), items: VecDeque::new(), renewal })
    }

    pub(super) async fn next(&mut self) -> Result<Item, Failure> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(item);
            }
            select! {
                chunk = next_chunk(&mut self.response) => self.read(chunk?.as_ref())?,
                () = self.renewal.done() => {}
            }
        }
    }

    fn read(&mut self, input: &[u8]) -> Result<(), Failure> {
        for piece in input.split_inclusive(|&byte| byte == b'\n') {
            if piece.len() > LINE_BYTES_MAX.saturating_sub(self.unfinished.len()) {
                return Err(Failure::Cut(format!("a line is longer than {LINE_BYTES_MAX} bytes")));
            }
            self.unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                match interpret(&self.unfinished)? {
                    Received::Named(connection) => self.renewal.name(connection),
                    Received::Expiring => self.renewal.start(),
                    Received::Item(item) => self.items.push_back(item),
                }
                self.unfinished.clear();
            }
        }
        if self.items.is_empty() {
            self.items.push_back(Item::Alive);
        }
        Ok(())
    }
}

fn interpret(line: &[u8]) -> Result<Received, Failure> {
    let bad = |cause: String| Failure::unsuitable(format!("a line is not a message: {cause}"));
    let line = str::from_utf8(line).map_err(|error| bad(error.to_string()))?;
    if line.trim_ascii().is_empty() {
        return Ok(Received::Item(Item::Alive));
    }
    Ok(Received::Item(match StreamLine::parse(line).map_err(|error| bad(error.to_string()))? {
        StreamLine::Message(message) => Item::Message(message),
        StreamLine::Gap(gap) => Item::Gap(gap),
        StreamLine::Position(position) => Item::Position(position.into()),
        StreamLine::Unsubscribed(ended) => Item::Unsubscribed(ended),
        StreamLine::Error(error) => return Err(Failure::of_error(error)),
        StreamLine::Connection(named) => return Ok(Received::Named(named.id)),
        StreamLine::Expiring(_) => return Ok(Received::Expiring),
        StreamLine::Goodbye(goodbye) => goodbye.into(),
        StreamLine::Other { .. } => Item::Alive,
    }))
}

const MEDIA_TYPES: &[&str] = &["application/x-ndjson", "application/ndjson"];

/// A message of 1 MiB with every byte escaped, and as much again.
const LINE_BYTES_MAX: usize = 16 << 20;
