//! The life of a subscription: connect, read, and after a failure decide what to do next.
//!
//! ```text
//!            open                 read
//! (none) ────────────▶ reader ───────────▶ a step for the subscriber
//!    ▲                   │
//!    │ wait, or next     │ failure
//!    └───── wire ◀── recover ──▶ end, with or without an error
//! ```

use crate::{
    Backoff, Client, Delivery, Outage, SubscribeError, SubscribeRequest, TokenError,
    http::describe,
    progress::{Order, Progress},
    wire::{Failure, Item, Kind, Reader, TokenRefusal},
};
use std::{mem, time::Duration};
use tidewire_protocol::Bookmark;
use tokio::time::{sleep, timeout};

/// What one received item means to the subscriber.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) delivery: Option<Delivery>,
    /// From where to resume after this step.
    pub(crate) position: Option<Bookmark>,
    /// Why there is no connection.
    pub(crate) outage: Option<Outage>,
}

/// A subscription that runs.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    progress: Progress,
    wires: &'static [Kind],
    /// Which of `wires` is in use.
    wire: usize,
    reader: Option<Reader>,
    /// Whether the present reader has said anything.
    established: bool,
    heartbeat: Duration,
    /// How long the present reader may say nothing.
    silence_max: Duration,
    backoff: Backoff,
    attempts_max: u32,
    /// When the server would like us back.
    retry: Option<Duration>,
    /// Whether the token was refused, and since then nothing has come with a fresh one.
    token_was_refused: bool,
    /// How long to wait before the next attempt.
    wait: Option<Duration>,
    ended: bool,
}

/// What to do after a failure.
enum Recovery {
    FallBack,
    Wait(Duration, Outage),
    End(Option<SubscribeError>),
}

impl Session {
    pub(crate) fn new(subscribe: SubscribeRequest) -> Self {
        let SubscribeRequest { client, channels, since, wire, heartbeat, backoff, attempts_max } =
            subscribe;
        Self {
            client,
            progress: Progress::new(channels, since),
            wires: Kind::candidates(wire),
            wire: 0,
            reader: None,
            established: false,
            heartbeat,
            silence_max: silence_max(heartbeat),
            backoff,
            attempts_max,
            retry: None,
            token_was_refused: false,
            wait: None,
            ended: false,
        }
    }

    /// The next step; after an error, none.
    pub(crate) async fn next(&mut self) -> Option<Result<Step, SubscribeError>> {
        while !self.ended {
            if let Some(wait) = self.wait.take() {
                sleep(wait).await;
            }
            match self.item().await {
                Ok(item) => return Some(Ok(self.absorb(item))),
                Err(failure) => match self.recover(failure) {
                    Recovery::FallBack => {}
                    Recovery::Wait(delay, outage) => {
                        self.wait = Some(delay);
                        let position = self.progress.bookmark();
                        return Some(Ok(Step { delivery: None, position, outage: Some(outage) }));
                    }
                    Recovery::End(error) => {
                        self.ended = true;
                        return error.map(Err);
                    }
                },
            }
        }
        None
    }

    /// Reads from the connection, making one if there is none.
    async fn item(&mut self) -> Result<Item, Failure> {
        let next = async {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => {
                    let kind = self.wires.get(self.wire).copied().unwrap_or(Kind::Poll);
                    let is_missing = self.progress.missing().next().is_some();
                    let order = match kind {
                        Kind::WebSocket => Order::Separate,
                        _ if is_missing => Order::Missing,
                        _ => Order::Joint,
                    };
                    self.progress.reconnect(order);
                    let (client, progress) = (&self.client, &self.progress);
                    none.insert(match order {
                        Order::Missing => Reader::open_missing(client, progress, self.heartbeat),
                        _ => Reader::open(kind, client, progress, self.heartbeat).await?,
                    })
                }
            };
            reader.next().await
        };
        timeout(self.silence_max, next).await.unwrap_or_else(|_| {
            Err(Failure::Cut(format!("nothing was received for {:?}", self.silence_max)))
        })
    }

    fn absorb(&mut self, item: Item) -> Step {
        self.established = true;
        // A welcome alone is no success: an overloaded server may say goodbye right after.
        if matches!(item, Item::Message(_) | Item::Position(_) | Item::Subscribed(..)) {
            self.backoff.reset();
            self.token_was_refused = false;
        }
        let mut delivery = None;
        match item {
            Item::Message(message) => {
                if self.progress.handle_message(&message) {
                    delivery = Some(Delivery::Message(message));
                }
            }
            Item::Gap(gap) => {
                if self.progress.handle_gap(&gap) {
                    delivery = Some(Delivery::Gap(gap));
                }
            }
            Item::Position(position) => self.progress.handle_position(position),
            Item::Subscribed(channel, position) => {
                self.progress.handle_subscribed(&channel, position);
            }
            // Now that all have a place, the next connection takes them together.
            Item::Begun => (self.reader, self.established) = (None, false),
            Item::Retry(delay) => self.retry = Some(delay.min(RETRY_MAX)),
            Item::Goodbye { position, retry } => {
                position.into_iter().for_each(|position| self.progress.handle_position(position));
                self.retry = retry.map(|delay| delay.min(RETRY_MAX));
            }
            Item::Heartbeat(heartbeat) => self.silence_max = silence_max(heartbeat),
            Item::Named(_) | Item::Expiring | Item::Alive => {}
        }
        Step { delivery, position: self.progress.bookmark(), outage: None }
    }

    fn recover(&mut self, failure: Failure) -> Recovery {
        let opened = self.reader.take().is_some();
        let established = mem::take(&mut self.established);
        self.silence_max = silence_max(self.heartbeat);
        let last_wire = self.wire + 1 >= self.wires.len();
        let cause = match failure {
            Failure::Finished => return Recovery::End(None),
            Failure::Closed { code, reason } => {
                return Recovery::End(Some(SubscribeError::Closed { code, reason }));
            }
            Failure::Refused(problem) => {
                return Recovery::End(Some(SubscribeError::Refused(problem)));
            }
            Failure::TokenRefused(refusal) => {
                let error = SubscribeError::from(refusal);
                // A fresh one gets one attempt: the server has judged, and asking again and again would change nothing.
                let is_final = mem::replace(&mut self.token_was_refused, true);
                if is_final || !self.client.tokens().can_renew() {
                    return Recovery::End(Some(error));
                }
                self.client.tokens().forget();
                error.to_string()
            }
            Failure::NoToken(TokenError::Refused(cause)) => {
                return Recovery::End(Some(SubscribeError::NoToken(cause)));
            }
            Failure::NoToken(error @ TokenError::Unavailable(_)) => describe(&error),
            Failure::Unsuitable { .. } if !last_wire => return self.fall_back(),
            Failure::Unsuitable { problem: Some(problem), .. } => {
                return Recovery::End(Some(SubscribeError::Refused(problem)));
            }
            // Something in between let the request through and swallows what follows.
            Failure::Cut(_) if opened && !established && !last_wire => return self.fall_back(),
            Failure::Unsuitable { cause, problem: None } | Failure::Cut(cause) => cause,
            Failure::Down { cause, retry_after } => {
                self.retry = self.retry.or(retry_after.map(|delay| delay.min(RETRY_MAX)));
                cause
            }
        };
        if !established && last_wire {
            // Perhaps what was in the way of the better wires is gone by then.
            self.wire = 0;
        }
        let delay = self.backoff.delay(fastrand::f64());
        let attempts = self.backoff.failures();
        if attempts >= self.attempts_max {
            return Recovery::End(Some(SubscribeError::Unreachable { attempts, cause }));
        }
        // Not before the time that the server asked for, and not all clients at that time.
        let wait = self.retry.take().unwrap_or_default() + delay;
        Recovery::Wait(wait, Outage { cause, was_connected: established })
    }

    fn fall_back(&mut self) -> Recovery {
        self.wire += 1;
        Recovery::FallBack
    }
}

impl From<TokenRefusal> for SubscribeError {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::Problem(problem) => Self::Refused(problem),
            TokenRefusal::Closed { code, reason } => Self::Closed { code, reason },
        }
    }
}

/// Two heartbeats may be late or lost.
fn silence_max(heartbeat: Duration) -> Duration {
    heartbeat.clamp(HEARTBEAT_MIN, HEARTBEAT_MAX).mul_f32(2.5)
}

/// A server that says nothing useful must not make us reconnect all the time, or never.
const HEARTBEAT_MIN: Duration = Duration::from_millis(100);
const HEARTBEAT_MAX: Duration = Duration::from_secs(600);

/// However much later a server would like us back.
const RETRY_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let client = Client::new("http://127.0.0.1:8080").unwrap();
        Session::new(client.subscribe(["a"]))
    }

    /// How long to wait after a connection that was cut.
    fn wait_ms(session: &mut Session) -> u128 {
        match session.recover(Failure::Cut("in a test".into())) {
            Recovery::Wait(wait, _) => wait.as_millis(),
            Recovery::FallBack | Recovery::End(_) => panic!("this failure is waited out"),
        }
    }

    #[test]
    fn two_heartbeats_may_fail_to_come_and_no_third() {
        for seconds in [1, 20, 300] {
            let heartbeat = Duration::from_secs(seconds);
            let silence_max = silence_max(heartbeat);
            assert!(heartbeat * 2 < silence_max && silence_max < heartbeat * 3, "{silence_max:?}");
        }
    }

    #[tokio::test]
    async fn the_wait_that_a_server_gives_is_kept_and_spread() {
        for goodbye in [true, false] {
            let waits: Vec<u128> = (0..100)
                .map(|_| {
                    let mut session = session();
                    if goodbye {
                        session.absorb(Item::Retry(Duration::from_secs(2)));
                        return wait_ms(&mut session);
                    }
                    let retry_after = Some(Duration::from_secs(2));
                    let down = Failure::Down { cause: String::new(), retry_after };
                    match session.recover(down) {
                        Recovery::Wait(wait, _) => wait.as_millis(),
                        Recovery::FallBack | Recovery::End(_) => panic!("it is down for now"),
                    }
                })
                .collect();
            let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(*least >= 2_000, "{waits:?}");
            assert!(most - least >= 50, "a crowd comes back at once: {waits:?}");
        }
    }

    #[tokio::test]
    async fn a_success_makes_the_next_wait_short_again_and_a_welcome_is_none() {
        let position: tidewire_protocol::Position = "a-5".parse().unwrap();
        let mut session = session();
        let grow = |session: &mut Session| (0..10).map(|_| wait_ms(session)).last().unwrap();
        assert!(grow(&mut session) >= 7_500);
        session.absorb(Item::Heartbeat(Duration::from_secs(20)));
        assert!(wait_ms(&mut session) >= 7_500);
        let successes = [
            Item::Subscribed("a".into(), position),
            Item::Position(position.into()),
            Item::Message(
                serde_json::from_str(r#"{"channel":"a","position":"a-6","time":0}"#).unwrap(),
            ),
        ];
        for success in successes {
            session.absorb(success);
            assert!(wait_ms(&mut session) <= 250);
            grow(&mut session);
        }
    }
}
