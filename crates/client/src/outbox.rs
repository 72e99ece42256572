//! Messages that wait for a connection: published once each and in order, however long there is none.

use crate::{Backoff, Client, PublishError, PublishRequest};
use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    hash::{BuildHasher as _, RandomState},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tidewire_protocol::{Position, Problem};
use tokio::{
    sync::{Notify, oneshot},
    time::sleep,
};

/// A bounded queue of messages on their way to the server.
///
/// Each gets a message id, unless it has one, and is sent again until the server has answered it. So it is in the log once,
/// as long as the server [remembers the id](https://github.com/tidewire/tidewire/blob/main/docs/deduplication.md): two minutes
/// by default, which count from the first attempt that reached the server. The messages keep their order, unless the server
/// refuses one of them for a while.
///
/// After the outbox is dropped, what is in it is still sent, as long as the runtime runs.
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
}

/// The answer to a message in an [`Outbox`], which may take until there is a connection.
#[derive(Debug)]
pub struct Receipt {
    answer: oneshot::Receiver<Result<Position, PublishError>>,
}

/// The outbox has as many messages as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the outbox is full with {capacity} messages: wait for the receipts of earlier ones")]
pub struct OutboxFull {
    /// How many it may have.
    pub capacity: usize,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Something is new, or the outbox was dropped.
    news: Notify,
    capacity: usize,
    /// What ids begin with: no other outbox has the same.
    name: u128,
}

struct Queue {
    waiting: VecDeque<Waiting>,
    numbered: u64,
    is_dropped: bool,
}

struct Waiting {
    request: PublishRequest,
    answer: oneshot::Sender<Result<Position, PublishError>>,
}

impl Client {
    /// A queue for at most `capacity` messages, which are published in order. Has to be called in a tokio runtime.
    ///
    /// ```no_run
    /// # async fn example(client: tidewire_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let outbox = client.outbox(1_000);
    /// outbox.publish(client.publish("readings.hall").text("21.5"))?;
    /// let last = outbox.publish(client.publish("readings.hall").text("21.6"))?;
    /// println!("all are published up to {}", last.await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn outbox(&self, capacity: usize) -> Outbox {
        let queue = Queue { waiting: VecDeque::new(), numbered: 0, is_dropped: false };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            news: Notify::new(),
            capacity,
            name: random_name(),
        });
        tokio::spawn(run(Arc::clone(&shared)));
        Outbox { shared }
    }
}

/// From the system's randomness. A generator that is seeded by the time and the thread could begin alike in two processes.
fn random_name() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(0));
    half() << 64 | half()
}

impl Outbox {
    /// Puts a message into the queue. Nobody has to wait for its receipt.
    ///
    /// # Errors
    ///
    /// The outbox is full. The message is not in it.
    pub fn publish(&self, request: PublishRequest) -> Result<Receipt, OutboxFull> {
        let mut queue = self.shared.lock();
        if queue.waiting.len() >= self.shared.capacity {
            return Err(OutboxFull { capacity: self.shared.capacity });
        }
        queue.numbered += 1;
        let id = format!("{:032x}-{}", self.shared.name, queue.numbered);
        let (sender, answer) = oneshot::channel();
        queue.waiting.push_back(Waiting { request: request.with_id(id), answer: sender });
        drop(queue);
        self.shared.news.notify_one();
        Ok(Receipt { answer })
    }

    /// How many messages have no answer yet.
    pub fn len(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// Whether every message is answered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Future for Receipt {
    type Output = Result<Position, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.answer).poll(cx);
        answer.map(|answer| answer.unwrap_or_else(|_| Err(PublishError::lost())))
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.lock().is_dropped = true;
        self.shared.news.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn front(&self) -> Vec<PublishRequest> {
        self.lock().waiting.iter().take(TOGETHER_MAX).map(|it| it.request.clone()).collect()
    }

    /// Answers the first message, and takes it out of the queue.
    fn answer(&self, answer: Result<Position, PublishError>) {
        let first = self.lock().waiting.pop_front();
        if let Some(waiting) = first {
            // Nobody has to wait for it.
            let _ = waiting.answer.send(answer);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

/// Sends what is in the queue, until there is nothing and the outbox is dropped.
async fn run(shared: Arc<Shared>) {
    let mut backoff = Backoff::default();
    loop {
        let front = shared.front();
        let Some(first) = front.first() else {
            if shared.lock().is_dropped {
                return;
            }
            shared.news.notified().await;
            continue;
        };
        // Over a socket, one after another without waiting. By requests, these might overtake each other.
        let mut sent = Vec::new();
        for request in &front {
            match request.send_over_a_socket() {
                Ok(Some(outcome)) => sent.push(outcome),
                Ok(None) | Err(_) => break,
            }
        }
        let mut failure = None;
        if sent.is_empty() {
            failure = settle(&shared, first.clone().send_by_request().await);
        }
        for outcome in sent {
            failure = settle(&shared, first.outcome_of(outcome).await);
            if failure.is_some() {
                // What was sent after it is sent again, and recognised by its id.
                break;
            }
        }
        match failure {
            None => backoff.reset(),
            Some(retry_after) => {
                let retry = retry_after.unwrap_or_default().min(RETRY_MAX);
                sleep(retry + backoff.delay(fastrand::f64())).await;
            }
        }
    }
}

/// Answers the first message, unless it has to be sent again: then, after what time the server wants that.
fn settle(shared: &Shared, outcome: Result<Position, PublishError>) -> Option<Option<Duration>> {
    match outcome {
        Err(PublishError::Unavailable { retry_after, .. }) => Some(retry_after),
        Err(error) if error.retryable() => Some(None),
        // Something in between has answered, such as the page where one signs in to a network.
        Err(PublishError::BadAnswer(_)) => Some(None),
        Err(PublishError::Refused(problem)) if is_of_the_way(&problem) => Some(None),
        outcome => {
            shared.answer(outcome);
            None
        }
    }
}

/// Whether no Tidewire server has refused the message, and what has did not refuse it for its size.
fn is_of_the_way(problem: &Problem) -> bool {
    problem.code.is_empty() && !matches!(problem.status, 413 | 414 | 431)
}

/// However much later the server would like to be asked again.
const RETRY_MAX: Duration = Duration::from_secs(300);

/// What is sent over a socket before the first answer has come.
const TOGETHER_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Where one has to sign in to a network first, everything is answered with a page, with 200 or 403.
    #[test]
    fn only_a_tidewire_server_ends_a_message_and_what_finds_it_too_large() {
        let refused = |status, code: &'static str| {
            let problem = Problem { status, ..Problem::from_text(code, "no") };
            Err(PublishError::Refused(Box::new(problem)))
        };
        for (outcome, is_sent_again) in [
            (Err(PublishError::BadAnswer("a page".into())), true),
            (Err(PublishError::lost()), true),
            (refused(403, ""), true),
            (refused(404, ""), true),
            (refused(413, ""), false),
            (refused(403, "forbidden"), false),
            (Ok(Position { epoch: 1, offset: 1 }), false),
        ] {
            let queue = Queue { waiting: VecDeque::new(), numbered: 0, is_dropped: false };
            let queue = Mutex::new(queue);
            let shared = Shared { queue, news: Notify::new(), capacity: 1, name: 0 };
            let text = format!("{outcome:?}");
            assert_eq!(settle(&shared, outcome).is_some(), is_sent_again, "{text}");
        }
    }
}
