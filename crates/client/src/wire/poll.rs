//! Long polls: `GET /poll` again and again, each from where the last one ended.

use super::{Failure, Item, open_body, subscribe_request};
use crate::{
    Client,
    http::{describe, read_body},
    progress::Progress,
};
use std::{collections::VecDeque, time::Duration};
use tidewire_protocol::{PollAnswer, Since};
use tokio::time::{Instant, sleep};

#[derive(Debug)]
pub(crate) struct Poll {
    client: Client,
    /// The channels, and where the last answer left off.
    progress: Progress,
    /// How long the server is to wait for a message.
    wait: Duration,
    /// The last answer was empty and came sooner than asked.
    hasty: bool,
    /// One answer is enough.
    is_once: bool,
    items: VecDeque<Item>,
    /// After which time to ask again a server that shuts down, once its last answer is handed out.
    retry: Option<Duration>,
}

impl Poll {
    pub(super) fn new(client: &Client, progress: &Progress, heartbeat: Duration) -> Self {
        Self {
            client: client.clone(),
            progress: progress.clone(),
            wait: heartbeat,
            hasty: false,
            is_once: false,
            items: VecDeque::new(),
            retry: None,
        }
    }

    /// A single poll of the channels that have no place yet, from where the subscriber asked for.
    pub(super) fn of_missing(client: &Client, progress: &Progress, heartbeat: Duration) -> Self {
        Self { is_once: true, ..Self::new(client, &progress.only_missing(), heartbeat) }
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
        let since = self.progress.since();
        // Waiting begins once there is a position: a wait from `now` that is cut would lose what
        // was published meanwhile.
        let wait = match since {
            Since::After(_) => self.wait,
            _ => Duration::ZERO,
        };
        let (since, wait) = (since.to_string(), Since::Ago(wait).to_string());
        let parameters = [("since", since.as_str()), ("wait", &wait)];
        let request = subscribe_request(&self.client, "poll", &self.progress, &parameters);
        let response = open_body(&self.client, request, &["application/json"]).await?;
        let body = read_body(response, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| Failure::Cut(describe(&error)))?;
        let answer: PollAnswer = serde_json::from_slice(&body).map_err(|error| {
            Failure::unsuitable(format!("the answer is not one to a poll: {error}"))
        })?;

        let empty = answer.messages.is_empty() && answer.gaps.is_empty();
        self.hasty = empty && wait != "0ms" && asked.elapsed() < self.wait / 2;
        self.progress.handle_position(answer.position);
        self.items.extend(answer.gaps.into_iter().map(Item::Gap));
        let messages = answer.messages.into_iter();
        self.items.extend(messages.map(Item::Message));
        self.items.push_back(Item::Position(answer.position));
        self.retry = answer.retry_ms.map(Duration::from_millis);
        self.items.extend(self.is_once.then_some(Item::Begun));
        Ok(())
    }
}

/// An answer holds what one gather may take, which is far less.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Keeps a server that does not wait from being asked without pause.
const HASTY_PAUSE: Duration = Duration::from_secs(1);
