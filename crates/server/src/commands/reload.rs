//! `tidewire reload`: has a running server read its configuration again, and says what changed.

use super::{refused::Advice, server::Server};
use anyhow::Result;
use std::io::{self, Write as _};
use tidewire_client::{ChangedSetting, Reloaded};

/// Have a running server read its configuration again, without ending a connection
///
/// A configuration with an error changes nothing, and the error is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ReloadCommand {
    #[command(flatten)]
    server: Server,
}

impl ReloadCommand {
    /// Asks the server, and prints a line for each change.
    ///
    /// # Errors
    ///
    /// The configuration cannot be used, or the server refuses or does not answer.
    pub async fn run(self) -> Result<()> {
        let reloaded = self.server.client()?.reload().await;
        let reloaded = reloaded.map_err(|error| Advice::add_to(error.into()))?;
        let text = describe(&reloaded);
        let mut output = io::stdout().lock();
        output.write_all(text.as_bytes())?;
        Ok(output.flush()?)
    }
}

/// A line for each change.
fn describe(Reloaded { reloaded, needs_restart }: &Reloaded) -> String {
    let line = |word: &str, change: &ChangedSetting| {
        let ChangedSetting { key, before, after } = change;
        format!("{word}  {key}: {before} -> {after}\n")
    };
    let lines = reloaded.iter().map(|change| line("reloaded     ", change));
    let lines = lines.chain(needs_restart.iter().map(|change| line("needs restart", change)));
    let text: String = lines.collect();
    if text.is_empty() { "nothing has changed\n".to_owned() } else { text }
}

const EXAMPLES: &str = "\
Examples:
  tidewire check-config --config /etc/tidewire/tidewire.toml && tidewire reload
  systemctl reload tidewire

Certificates and keys are read again too. SIGHUP does the same; the log says what changed.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_a_line_and_none_is_said_too() {
        let change = |key: &str| ChangedSetting {
            key: key.to_owned(),
            before: "1".to_owned(),
            after: "2".to_owned(),
        };
        let both = Reloaded { reloaded: vec![change("a")], needs_restart: vec![change("b")] };
        assert_eq!(describe(&both), "reloaded       a: 1 -> 2\nneeds restart  b: 1 -> 2\n");
        let none = Reloaded { reloaded: Vec::new(), needs_restart: Vec::new() };
        assert_eq!(describe(&none), "nothing has changed\n");
    }
}
