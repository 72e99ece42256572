//! `tidewire publish`: one message from the command line or standard input, or each line of it.

mod lines;
mod pump;
mod queue;
mod report;

use super::{refused::Advice, server::Server};
use crate::terminal::TerminalOutput;
use anyhow::{Context as _, ensure};
use pump::Pump;
use report::{Positions, Report};
use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    thread,
};
use tidewire_client::Client;
use tidewire_protocol::RawValue;
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// Publish a message, or each line of standard input.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct PublishCommand {
    /// The channel, such as `chat.room1`.
    channel: String,
    /// The message. Without one, standard input is the message: text if it is UTF-8, else binary.
    #[arg(allow_negative_numbers = true, conflicts_with = "lines")]
    message: Option<String>,
    #[command(flatten)]
    server: Server,
    /// An event name.
    #[arg(long)]
    event: Option<String>,
    /// A key. In a compacted channel, an empty message removes the key.
    #[arg(long)]
    key: Option<String>,
    /// A message id: if it is repeated within the channel's window, the message is not published
    /// twice.
    #[arg(long, conflicts_with = "lines")]
    id: Option<String>,
    /// The message is JSON; it is not sent if it is not valid JSON.
    #[arg(long)]
    json: bool,
    /// Each line of standard input is a message, published as it arrives.
    #[arg(long)]
    lines: bool,
    /// With --lines, print the position of each line on standard error.
    #[arg(long)]
    verbose: bool,
}

impl PublishCommand {
    /// Publishes until there is nothing left to publish.
    ///
    /// # Errors
    ///
    /// Something was not published, and why.
    pub async fn run(self) -> anyhow::Result<()> {
        let place = format!("{} at {}", self.channel, self.server.url);
        let template = Template {
            client: self.server.client()?,
            channel: self.channel,
            event: self.event,
            key: self.key,
            content: if self.json { Content::Json } else { Content::Plain },
        };
        if self.lines {
            let positions = if self.verbose { Positions::Printed } else { Positions::Hidden };
            let mut report = Report::new(TerminalOutput::stderr(), positions);
            if !self.server.quiet {
                report = report.summing_up(place);
            }
            return Pump::new(template, read_chunks(), stop_signal()?, report).run().await;
        }
        let payload = match self.message {
            Some(message) => message.into_bytes(),
            None => read_message().context("cannot read standard input")?,
        };
        let mut message = template.message(&payload)?;
        if let Some(id) = self.id {
            message = message.message_id(id);
        }
        let position = message.send().await.map_err(|error| Advice::add_to(error.into()))?;
        if !self.server.quiet {
            // Not among what a program may read.
            let _ = writeln!(TerminalOutput::stderr(), "published to {place}");
        }
        // An error means that standard output is closed: nobody reads the position.
        let _ = writeln!(io::stdout(), "{position}");
        Ok(())
    }
}

/// What all messages of one run have in common.
struct Template {
    client: Client,
    channel: String,
    event: Option<String>,
    key: Option<String>,
    content: Content,
}

/// What a payload is.
enum Content {
    /// Text if it is UTF-8, else bytes.
    Plain,
    Json,
}

impl Template {
    fn message(&self, payload: &[u8]) -> anyhow::Result<tidewire_client::PublishRequest> {
        let mut message = self.client.publish(&self.channel);
        if let Some(event) = &self.event {
            message = message.event(event);
        }
        if let Some(key) = &self.key {
            message = message.key(key);
        }
        Ok(match self.content {
            Content::Json => {
                let json: &RawValue =
                    serde_json::from_slice(payload).context("the message is not JSON")?;
                message.json(json)?
            }
            Content::Plain => match str::from_utf8(payload) {
                Ok(text) => message.text(text),
                Err(_) => message.bytes(payload),
            },
        })
    }
}

fn read_message() -> anyhow::Result<Vec<u8>> {
    let mut message = Vec::new();
    let limit = u64::try_from(MESSAGE_BYTES_MAX)?;
    io::stdin().lock().take(limit + 1).read_to_end(&mut message)?;
    ensure!(message.len() <= MESSAGE_BYTES_MAX, "it is longer than {MESSAGE_BYTES_MAX} bytes");
    Ok(message)
}

/// Standard input as it arrives, read only as fast as it is taken.
///
/// On a thread of its own and not one of the runtime's, which would wait for it at the end.
fn read_chunks() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            let chunk = match stdin.fill_buf() {
                Ok([]) => return,
                Ok(bytes) => Ok(bytes.to_vec()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            stdin.consume(chunk.as_ref().map_or(0, Vec::len));
            let failed = chunk.is_err();
            if sender.blocking_send(chunk).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

/// Ends when we are asked to.
fn stop_signal() -> io::Result<impl Future<Output = ()> + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// What is longer is no message any server is likely to take, and must be kept whole in memory.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

const EXAMPLES: &str = "\
Prints the position of the message, and on standard error its channel and server; with
--lines, the number of lines that were published.

With --lines, it waits for a server that is not reachable. No line is lost, but lines whose
answer was lost are sent again and may arrive twice. A line that the server refuses is
reported on standard error; the others are published, and the exit status is 1.

Examples:
  tidewire publish chat.room1 'Hello!' --event said
  vmstat 1 | tidewire publish host.vmstat --lines";

#[cfg(test)]
mod tests;
