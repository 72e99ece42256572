//! `tidewire subscribe`: prints messages as they come, and says on standard error what else happens.

use super::{
    printer::{Format, Printer, is_closed_output},
    reader,
    refused::Advice,
    server::Server,
};
use crate::terminal::TerminalOutput;
use futures_util::Stream as _;
use std::{
    future::poll_fn,
    io::{self, Write},
    pin::Pin,
    task::Poll,
};
use tidewire_client::{Delivery, Since, Subscription, Wire};
use tokio::select;

/// Print messages as they arrive.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct SubscribeCommand {
    /// Channels such as `chat.room1`, or patterns: `*` is one token, a final `>` the rest.
    #[arg(required = true, value_name = "PATTERN")]
    patterns: Vec<String>,
    #[command(flatten)]
    server: Server,
    /// Where to begin: now, earliest, a position (k3f9a-1042), a time (@1763790000123, in milliseconds
    /// since 1970), or how long ago (250ms, 90s, 10m, 2h, 1d).
    #[arg(long, default_value = "now")]
    since: Since,
    /// The transport. With auto, the first of WebSocket, SSE and long-poll that works.
    #[arg(long, value_enum, default_value_t = WireName::Auto)]
    wire: WireName,
    /// text: the payload, with its channel and a tab before it if there can be several channels; binary
    /// payloads as base64.
    /// json: the whole message.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// End after this many messages.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum WireName {
    Auto,
    Ws,
    Sse,
    Stream,
    Poll,
}

impl SubscribeCommand {
    /// Prints until the server ends the subscription, `--count` is reached, or the reader of the output closes it.
    ///
    /// # Errors
    ///
    /// The server refuses, or the output cannot be written.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let printer = Printer::new(
            self.format,
            &self.patterns,
            TerminalOutput::stdout(),
            TerminalOutput::stderr(),
        );
        let printer = printer.reporting(self.server.quiet);
        let begun = format!("following {} at {}", self.patterns.join(" "), self.server.url);
        let subscribe =
            client.subscribe_raw(self.patterns).since(self.since).wire(self.wire.into());
        let count = self.count.unwrap_or(u64::MAX);
        let result = select! {
            result = follow(subscribe.stream(), printer, count, &begun) => result,
            // Not only when the next message comes, which may be never.
            () = reader::closed(io::stdout()) => Ok(()),
        };
        match result {
            Err(error) if is_closed_output(&error) => Ok(()),
            result => result.map_err(Advice::add_to),
        }
    }
}

impl From<WireName> for Wire {
    fn from(name: WireName) -> Self {
        match name {
            WireName::Auto => Self::Auto,
            WireName::Ws => Self::WebSocket,
            WireName::Sse => Self::Sse,
            WireName::Stream => Self::Stream,
            WireName::Poll => Self::Poll,
        }
    }
}

/// Prints a number of messages, or all until the subscription ends.
async fn follow(
    mut deliveries: Subscription,
    mut printer: Printer<impl Write, impl Write>,
    count: u64,
    begun: &str,
) -> anyhow::Result<()> {
    let mut printed = 0;
    let mut has_begun = false;
    while printed < count {
        // Printed messages are held back only while there are more of them to print.
        let next = poll_fn(|cx| {
            let next = Pin::new(&mut deliveries).poll_next(cx);
            printer.outage(deliveries.outage());
            if !has_begun && deliveries.position().is_some() {
                has_begun = true;
                printer.done(begun);
            }
            let flushed = if next.is_pending() { printer.flush() } else { Ok(()) };
            flushed.map_or_else(|error| Poll::Ready(Err(error)), |()| next.map(Ok))
        });
        match next.await?.transpose()? {
            None => break,
            Some(Delivery::Gap(gap)) => printer.gap(&gap),
            Some(Delivery::Message(message)) => {
                printer.message(&message)?;
                printed += 1;
            }
        }
    }
    Ok(printer.flush()?)
}

const EXAMPLES: &str = "\
After a lost connection it reconnects and resumes. Lost messages are reported on standard
error as a gap. It ends, with status 0, when its output is closed.

Example:
  tidewire subscribe 'logs.>' --since 10m";

#[cfg(test)]
mod tests;
