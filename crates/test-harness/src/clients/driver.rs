//! The process that runs clients: commands as JSON lines to its standard input, events as JSON lines from its standard
//! output.
//!
//! Commands are objects with `do`, the number of a `client`, and more:
//!
//! | `do` | members |
//! |---|---|
//! | `connect` | `url`; `wires`: names, absent if the client chooses; `tokens`: ask for each by `asks` |
//! | `token` | `ask`, `token`: answers `asks` |
//! | `subscribe` | `subscription`, `channels`, `since` |
//! | `unsubscribe` | `subscription`; answered by `ended` |
//! | `position` | `subscription`; answered by `position` |
//! | `publish` | `publish`, `channel`, `data`; answered by `published` or `failed` |
//! | `close` | |
//!
//! The events are [`What`]. The first is `ready`. After its input has ended and all clients were closed, the process
//! ends by itself: a client that is closed leaves nothing running.

use super::library::Library;
use crate::server::Output;
use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::{process::Stdio, time::Duration};
use tidewire_protocol::Position;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
    task::JoinHandle,
    time::timeout,
};

#[derive(Debug)]
pub(super) struct Driver {
    commands: ChildStdin,
    events: Lines<BufReader<ChildStdout>>,
    child: Child,
    errors: Output,
    collector: JoinHandle<()>,
}

/// Something that a client reports.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Event {
    /// When, in milliseconds since 1970.
    pub(super) at: u64,
    /// Whose; events of the process itself are nobody's.
    #[serde(default)]
    pub(super) client: usize,
    #[serde(flatten)]
    pub(super) what: What,
    /// As it came.
    #[serde(skip)]
    pub(super) line: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum What {
    /// The process runs; what its clients can do.
    Ready {
        can: Vec<String>,
    },
    State {
        state: String,
    },
    /// `position`: from where its subscription would resume now.
    Message {
        subscription: usize,
        message: Message,
        position: Option<Position>,
    },
    Gap {
        subscription: usize,
        gap: Gap,
    },
    /// The position of a subscription is known for the first time.
    Begun {
        subscription: usize,
        position: Position,
    },
    Position {
        subscription: usize,
        position: Option<Position>,
    },
    Ended {
        subscription: usize,
        position: Option<Position>,
        error: Option<String>,
    },
    Published {
        publish: u64,
        position: Position,
    },
    Failed {
        publish: u64,
        error: String,
    },
    Asks {
        ask: u64,
    },
    /// The process was this number of milliseconds late.
    Lag {
        ms: u64,
    },
    /// Something was thrown and not caught, or written to the console as an error.
    Fault {
        error: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Message {
    pub(super) channel: String,
    pub(super) position: Position,
    pub(super) data: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Gap {
    pub(super) channel: String,
    pub(super) from: String,
    pub(super) to: Position,
}

impl Driver {
    pub(super) async fn start(library: &Library) -> Result<Self> {
        let mut command = library.command();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {:?}", command.as_std().get_program()))?;
        let errors = Output::default();
        let printed = BufReader::new(child.stderr.take().context("no standard error")?);
        let collector = tokio::spawn(errors.clone().collect(printed));
        let mut driver = Self {
            commands: child.stdin.take().context("no standard input")?,
            events: BufReader::new(child.stdout.take().context("no standard output")?).lines(),
            child,
            errors,
            collector,
        };
        match timeout(START_WAIT, driver.next()).await.context("the driver is silent")?? {
            Event { what: What::Ready { can }, .. } => {
                let wanted = library.capabilities();
                let missing = wanted.iter().find(|name| !can.iter().any(|it| it == *name));
                ensure!(missing.is_none(), "the driver cannot do {missing:?}, only {can:?}");
                Ok(driver)
            }
            other => bail!("the driver begins with {other:?}"),
        }
    }

    pub(super) async fn send(&mut self, command: &Value) -> Result<()> {
        let sent = self.commands.write_all(format!("{command}\n").as_bytes()).await;
        sent.with_context(|| format!("the driver has ended; it said:\n{}", self.errors))
    }

    /// The next event. Dropped while it waits, it loses none.
    pub(super) async fn next(&mut self) -> Result<Event> {
        let line = self.events.next_line().await?;
        let Some(line) = line else {
            bail!("the driver has ended; it said:\n{}", self.errors);
        };
        let event: Event =
            serde_json::from_str(&line).with_context(|| format!("the driver said {line}"))?;
        Ok(Event { line, ..event })
    }

    /// Ends its input, and waits until it ends by itself.
    pub(super) async fn end(self) -> Result<()> {
        let Self { commands, mut events, mut child, errors, collector } = self;
        drop(commands);
        let ending = async {
            while let Some(line) = events.next_line().await? {
                ensure!(!line.contains(r#""event":"fault""#), "{line}");
            }
            Ok(child.wait().await?)
        };
        let ended = timeout(END_WAIT, ending).await;
        let status = ended.with_context(|| {
            format!("the driver goes on after every client was closed; it said:\n{errors}")
        })??;
        timeout(END_WAIT, collector).await??;
        ensure!(status.success() && errors.text().is_empty(), "{status}; it said:\n{errors}");
        Ok(())
    }
}

/// A cold start on a busy machine.
const START_WAIT: Duration = Duration::from_secs(20);
/// Timers that nobody cancelled last longer, or an answer for which nobody waits.
const END_WAIT: Duration = Duration::from_secs(5);
