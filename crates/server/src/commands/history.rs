//! `tidewire history`: prints what the server keeps, and says on standard error what is left out.

use super::{
    printer::{Format, Printer, is_closed_output},
    refused::Advice,
    server::Server,
};
use crate::terminal::TerminalOutput;
use std::{io::Write, slice};
use tidewire_client::{Client, Since};

/// Print the newest stored messages, the oldest of them first.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct HistoryCommand {
    /// A channel such as `chat.room1`, or a pattern: `*` is one token, a final `>` the rest.
    pattern: String,
    #[command(flatten)]
    server: Server,
    /// Only messages after this: a position (k3f9a-1042), a time (@1763790000123, in milliseconds
    /// since 1970), or how long ago (250ms, 90s, 10m, 2h, 1d).
    #[arg(long)]
    since: Option<Since>,
    /// Only messages before this.
    #[arg(long, default_value = "now")]
    before: Since,
    /// Print at most this many messages.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// text: the payload, with its channel and a tab before it if there can be several channels; binary
    /// payloads as base64.
    /// json: the whole message.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl HistoryCommand {
    /// Prints what there is.
    ///
    /// # Errors
    ///
    /// The server refuses or does not answer, or the output cannot be written.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let patterns = slice::from_ref(&self.pattern);
        let printer =
            Printer::new(self.format, patterns, TerminalOutput::stdout(), TerminalOutput::stderr());
        let printer = printer.reporting(self.server.quiet);
        match self.print(&client, printer).await {
            Err(error) if is_closed_output(&error) => Ok(()),
            result => result.map_err(Advice::add_to),
        }
    }

    /// Collects pages from the newest on, then prints them the other way round.
    async fn print(
        &self,
        client: &Client,
        mut printer: Printer<impl Write, impl Write>,
    ) -> anyhow::Result<()> {
        let (mut pages, mut before) = (Vec::new(), self.before);
        let mut left = usize::try_from(self.limit)?;
        let mut has_more = true;
        while has_more && left > 0 {
            let mut request = client.history(&self.pattern).before(before).limit(left);
            if let Some(since) = self.since {
                request = request.since(since);
            }
            let page = request.send().await?;
            left = left.saturating_sub(page.messages.len());
            (before, has_more) = (Since::after(page.before), page.more);
            pages.push(page);
        }
        if has_more {
            printer.note(&format!("there are older messages: --before {before}"));
        }
        for page in pages.iter().rev() {
            page.gaps.iter().for_each(|gap| printer.gap(gap));
            page.messages.iter().try_for_each(|message| printer.message(message))?;
        }
        printer.flush()?;
        let count: usize = pages.iter().map(|page| page.messages.len()).sum();
        let messages = if count == 1 { "message" } else { "messages" };
        printer.done(format_args!("{count} {messages} of {} at {}", self.pattern, self.server.url));
        Ok(())
    }
}

const EXAMPLES: &str = "\
Lost messages are reported on standard error as a gap.

Examples:
  tidewire history chat.room1 --limit 20
  tidewire history 'logs.>' --since 1h --before 30m --format json";

#[cfg(test)]
mod tests;
