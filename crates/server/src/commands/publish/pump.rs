//! From standard input to the server, line by line: reads on while a batch is under way, repeats a
//! batch until it is answered, and stops reading when too much waits.
//!
//! One batch is under way at a time, which keeps the lines in order.

use super::{
    MESSAGE_BYTES_MAX, Template,
    lines::{Line, Lines, TooLong},
    queue::{Batch, Limits, LineOutcome, Queue},
    report::Report,
};
use crate::commands::refused::Advice;
use anyhow::{Context as _, anyhow, bail};
use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, Shared},
};
use std::{
    fmt::Display,
    io::{self, Write},
    pin::pin,
    time::Duration,
};
use tidewire_client::{
    Backoff, Client, ErrorCode, ItemError, Position, PublishError, PublishRequest,
};
use tokio::{select, sync::mpsc, time::sleep};

/// Publishes the lines that come in.
pub(super) struct Pump<E> {
    template: Template,
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    /// When to read no further.
    stop: Shared<LocalBoxFuture<'static, ()>>,
    report: Report<E>,
    lines: Lines,
    ended: bool,
    /// Why the input ended, if it was not at its end.
    read_error: Option<io::Error>,
    queue: Queue<PublishRequest>,
    backoff: Backoff,
    /// How long to wait before the next batch.
    wait: Duration,
}

/// What became of a batch: an answer for each message, or none for any.
type Outcome = Result<Vec<Result<Position, ItemError>>, PublishError>;

impl<E: Write> Pump<E> {
    pub(super) fn new(
        template: Template,
        chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
        stop: impl Future<Output = ()> + 'static,
        report: Report<E>,
    ) -> Self {
        Self {
            template,
            chunks,
            stop: stop.boxed_local().shared(),
            report,
            lines: Lines::new(MESSAGE_BYTES_MAX),
            ended: false,
            read_error: None,
            queue: Queue::new(LIMITS),
            backoff: Backoff::new(WAIT_FIRST, WAIT_LONGEST),
            wait: Duration::ZERO,
        }
    }

    /// Publishes until the input ends, or until soon after `stop`.
    ///
    /// # Errors
    ///
    /// Not every line was published.
    pub(super) async fn run(mut self) -> anyhow::Result<()> {
        let stop = self.stop.clone();
        let result = select! {
            result = self.publish_all() => result,
            () = stop.then(|()| sleep(FAREWELL_MAX)) => Err(anyhow!("stopped by a signal")),
        };
        self.report.end();
        match (result, self.queue.len(), self.report.refused_lines()) {
            (Err(error), left @ 1.., _) => {
                bail!("{error:#}; lines not sent: {left}{}", Advice::on(&error))
            }
            (Err(error), 0, _) => Err(Advice::add_to(error)),
            (Ok(()), _, refused @ 1..) => bail!("lines refused: {refused}"),
            (Ok(()), _, 0) => Ok(()),
        }
    }

    async fn publish_all(&mut self) -> anyhow::Result<()> {
        loop {
            match self.queue.batch() {
                Batch::Empty if self.ended => break,
                Batch::Empty => self.read().await,
                batch => {
                    let batch_lines = batch.len();
                    let outcome = self.send(batch).await;
                    self.handle_outcome(batch_lines, outcome)?;
                }
            }
        }
        self.read_error.take().map_or(Ok(()), Err).context("cannot read standard input")
    }

    /// Waits for more input, or the end of it.
    async fn read(&mut self) {
        let chunk = select! {
            biased;
            // What has arrived already still comes.
            () = self.stop.clone(), if !self.chunks.is_closed() => return self.chunks.close(),
            chunk = self.chunks.recv() => chunk,
        };
        let lines = match chunk {
            Some(Ok(chunk)) => self.lines.handle_input(&chunk),
            Some(Err(error)) => {
                self.read_error = Some(error);
                return;
            }
            None => {
                self.ended = true;
                self.lines.handle_end().into_iter().collect()
            }
        };
        lines.into_iter().for_each(|line| self.enqueue(line));
    }

    fn enqueue(&mut self, Line { number, bytes }: Line) {
        let message = match bytes {
            Ok(bytes) => self.template.message(&bytes).map(|message| (bytes.len(), message)),
            Err(TooLong) => Err(anyhow!("it is longer than {MESSAGE_BYTES_MAX} bytes")),
        };
        match message {
            Ok((bytes, message)) => self.queue.push(number, bytes, message),
            Err(error) => self.report.refused(number, format_args!("{error:#}")),
        }
    }

    /// Sends a batch when it is time, and reads on meanwhile.
    async fn send(&mut self, batch: Batch<PublishRequest>) -> Outcome {
        let mut answer = pin!(send_after(self.wait, batch, self.template.client.clone()));
        loop {
            select! {
                outcome = &mut answer => return outcome,
                () = self.read(), if !self.ended && self.queue.has_room() => {}
            }
        }
    }

    /// Settles what was answered for good, and says when to go on with the rest.
    fn handle_outcome(&mut self, batch_lines: usize, outcome: Outcome) -> anyhow::Result<()> {
        self.wait = Duration::ZERO;
        match outcome {
            Ok(answers) => self.resolve(answers),
            Err(error) if error.retryable() => {
                let retry_after = match &error {
                    PublishError::Unavailable { retry_after, .. } => *retry_after,
                    _ => None,
                };
                self.back_off(format_args!("{:#}", anyhow!(error)), retry_after);
                Ok(())
            }
            Err(PublishError::Refused(problem)) if problem.status == CONTENT_TOO_LARGE => {
                if batch_lines > 1 {
                    self.queue.shrink_batch(batch_lines);
                    return Ok(());
                }
                self.resolve(vec![Err(ItemError::new(ErrorCode::PayloadTooLarge, problem.detail))])
            }
            Err(error) => Err(error.into()),
        }
    }

    fn resolve(&mut self, answers: Vec<Result<Position, ItemError>>) -> anyhow::Result<()> {
        let (mut unavailable, mut hopeless) = (None, None);
        self.queue.resolve(answers, |line, answer| match answer {
            Ok(position) => {
                self.report.published(line, position);
                LineOutcome::Done
            }
            Err(error) => match error.error_code() {
                Some(ErrorCode::PayloadTooLarge | ErrorCode::BadData) => {
                    self.report.refused(line, error);
                    LineOutcome::Done
                }
                Some(code) if code.retryable() => {
                    unavailable = Some(error);
                    LineOutcome::Retry
                }
                _ => {
                    hopeless = Some(error);
                    LineOutcome::Retry
                }
            },
        });
        match (hopeless, unavailable) {
            (Some(error), _) => {
                return Err(anyhow::Error::from(error).context("the server refused the message"));
            }
            (None, Some(error)) => self.back_off(error, None),
            (None, None) => {
                self.backoff.reset();
                self.report.back();
            }
        }
        Ok(())
    }

    fn back_off(&mut self, why: impl Display, retry_after: Option<Duration>) {
        self.report.away(why);
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        self.wait = asked + self.backoff.delay(fastrand::f64());
    }
}

async fn send_after(wait: Duration, batch: Batch<PublishRequest>, client: Client) -> Outcome {
    if !wait.is_zero() {
        sleep(wait).await;
    }
    match batch {
        Batch::Empty => Ok(Vec::new()),
        Batch::One(message) => message.send().await.map(|position| vec![Ok(position)]),
        Batch::Many(messages) => client.publish_batch(messages).await,
    }
}

/// Some batches more than the server has answered, so that reading goes on meanwhile. Beyond that, the program that
/// writes to the pipe waits.
const LIMITS: Limits = Limits {
    lines_max: 8192,
    bytes_max: 4 << 20,
    batch_lines_max: 512,
    // Less than servers take; batches shrink where escapes make more of it.
    batch_bytes_max: 256 << 10,
};

const WAIT_FIRST: Duration = Duration::from_millis(100);

/// Short enough to be tried again within the farewell.
const WAIT_LONGEST: Duration = Duration::from_secs(2);

/// However much later a server would like us back.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// How long to go on after a signal to stop; the person who sent it is waiting.
const FAREWELL_MAX: Duration = Duration::from_secs(5);

/// The status for a body that is too large, from the server or a proxy.
const CONTENT_TOO_LARGE: u16 = 413;
