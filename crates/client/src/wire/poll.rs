//! Long polls: `GET /poll` again and again, each from where the last one ended.

use super::{open_body, subscribe_request};
use crate::{
    Client,
    http::{describe, read_body},
    machine::{Failure, Item, Opening},
};
use std::{collections::VecDeque, time::Duration};
use tidewire_protocol::{PollAnswer, Since};
use tokio::time::{Instant, sleep};

#[derive(Debug)]
pub(crate) struct Poll {
    client: Client,
    channels: Vec<String>,
    /// Where the last answer left off.
    since: Since,
    /// How long the server is to wait for a message.
    wait: Duration,
    /// An answer has come, so that the next one is waited for.
    has_begun: bool,
    /// The last answer was empty and came sooner than asked.
    hasty: bool,
    items: VecDeque<Item>,
    /// After which time to ask again a server that shuts down, once its last answer is handed out.
    retry: Option<Duration>,
}

impl Poll {
    pub(super) fn new(client: &Client, opening: &Opening) -> Self {
        Self {
            client: client.clone(),
            channels: opening.channels.clone(),
            since: opening.since,
            wait: opening.heartbeat,
            has_begun: false,
            hasty: false,
            items: VecDeque::new(),
            retry: None,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Item, Failure> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(item);
            }
            if let retry_after @ Some(_) = self.retry.take() {
                let cause = "the server is shutting down".to_owned();
                return Err(Failure::Down { cause, retry_after });
            }
            self.ask().await?;
        }
    }

    async fn ask(&mut self) -> Result<(), Failure> {
        if self.hasty {
            sleep(self.wait.min(HASTY_PAUSE)).await;
        }
        let asked = Instant::now();
        // Waiting begins once it is known that polls pass here, and from where on: what was published during a wait from
        // `now` on that is cut would be lost.
        let wait = if self.has_begun { self.wait } else { Duration::ZERO };
        let answer = page(&self.client, &self.channels, self.since, wait).await?;
        let empty = answer.messages.is_empty() && answer.gaps.is_empty();
        self.hasty = empty && self.has_begun && asked.elapsed() < self.wait / 2;
        (self.has_begun, self.since) = (true, answer.position.into());
        self.items.extend(answer.gaps.into_iter().map(Item::Gap));
        self.items.extend(answer.messages.into_iter().map(Item::Message));
        self.items.push_back(Item::Position(answer.position));
        self.retry = answer.retry_ms.map(Duration::from_millis);
        Ok(())
    }
}

/// One poll: what comes after `since`, waiting for it that long.
pub(crate) async fn page(
    client: &Client,
    channels: &[String],
    since: Since,
    wait: Duration,
) -> Result<PollAnswer, Failure> {
    let (since, wait) = (since.to_string(), Since::Ago(wait).to_string());
    let parameters = [("since", since.as_str()), ("wait", &wait)];
    let request = subscribe_request(client, "poll", channels, &parameters);
    let response = open_body(client, request, &["application/json"]).await?;
    let body = read_body(response, ANSWER_BYTES_MAX).await;
    let body = body.map_err(|error| Failure::Cut(describe(&error)))?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::unsuitable(format!("the answer is not one to a poll: {error}")))
}

/// An answer holds what one gather may take, which is far less.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Keeps a server that does not wait from being asked without pause.
const HASTY_PAUSE: Duration = Duration::from_secs(1);
