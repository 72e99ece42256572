//! `tidewire check-config`: whether the configuration is sound, and what it makes of channels.

use crate::config::{Config, Decided, Settings, unknown_variables};
use crate::terminal::TerminalOutput;
use anyhow::Result;
use serde::Serialize;
use std::{env, fmt::Write as _, io::Write as _};
use tidewire_broker::ChannelName;

/// Check the configuration, and print each option of channels with its origin.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckConfig {
    /// Channels whose options to print, such as `chat.room1`.
    #[arg(value_name = "CHANNEL")]
    channels: Vec<ChannelName>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Findings<'a> {
    channels: Vec<Finding<'a>>,
}

/// What is printed of an invalid configuration.
#[derive(Debug, Serialize)]
struct ConfigErrorList {
    errors: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Finding<'a> {
    channel: &'a str,
    options: Vec<Decided>,
}

impl CheckConfig {
    /// Loads the configuration as the server would, and prints it on standard output.
    ///
    /// # Errors
    ///
    /// The configuration is not sound: everything that is wrong with it.
    pub fn run(self) -> Result<()> {
        for variable in unknown_variables(env::vars_os()) {
            let _ = writeln!(TerminalOutput::stderr(), "tidewire: {variable}");
        }
        let config = match Config::load(self.settings) {
            Ok(config) => config,
            Err(errors) => {
                if self.json {
                    let errors = errors.iter().map(ToString::to_string).collect();
                    print(&(serde_json::to_string_pretty(&ConfigErrorList { errors })? + "\n"));
                }
                return Err(errors.into());
            }
        };
        let channels = self.channels.iter();
        let findings = Findings {
            channels: channels
                .map(|name| Finding { channel: name.as_str(), options: config.explain(name) })
                .collect(),
        };
        let text = match self.json {
            true => serde_json::to_string_pretty(&findings)? + "\n",
            false => findings.to_text(),
        };
        print(&text);
        Ok(())
    }
}

fn print(text: &str) {
    // If standard output is closed, the exit status says the result.
    let _ = TerminalOutput::stdout().write_all(text.as_bytes());
}

impl Findings<'_> {
    fn to_text(&self) -> String {
        let mut text = "the configuration is sound\n".to_owned();
        for Finding { channel, options } in &self.channels {
            let values = options.iter().map(|Decided { value, .. }| value.to_string());
            let rows: Vec<_> = options.iter().zip(values).collect();
            let option_width = rows.iter().map(|(row, _)| row.option.len()).max().unwrap_or(0);
            let value_width = rows.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
            // Writing to a string does not fail.
            let _ = writeln!(text, "\n{channel}");
            for (Decided { option, reason, .. }, value) in rows {
                let _ = writeln!(text, "  {option:option_width$}  {value:value_width$}  {reason}");
            }
        }
        text
    }
}

const EXAMPLES: &str = "\
The exit status is 0 if `tidewire serve` accepts the same flags, variables and file.
Otherwise it is 1, and all errors are printed on standard error, or with --json on standard
output as a list `errors`. A variable TIDEWIRE_* that is not a setting is reported there too,
but is not an error.

Example:
  tidewire check-config --config tidewire.toml chat.room1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Reason, Value};

    fn findings() -> Findings<'static> {
        let (pattern, file) = ("chat.>".to_owned(), "a.toml".to_owned());
        let options = vec![
            Decided {
                option: "compact",
                value: Value::Truth(true),
                reason: Reason::Table { pattern, file },
            },
            Decided {
                option: "retention_bytes",
                value: Value::Bytes("16MiB".parse().unwrap()),
                reason: Reason::Default,
            },
        ];
        Findings { channels: vec![Finding { channel: "chat.room1", options }] }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let text = "the configuration is sound\n\nchat.room1\n  \
            compact          true   [channels.\"chat.>\"] in a.toml\n  \
            retention_bytes  16MiB  default\n";
        assert_eq!(findings().to_text(), text);
    }

    #[test]
    fn json_has_the_same_to_say() {
        let json = r#"{"channels":[{"channel":"chat.room1","options":[{"option":"compact","value":true,"reason":{"from":"table","pattern":"chat.>","file":"a.toml"}},{"option":"retention_bytes","value":"16MiB","reason":{"from":"default"}}]}]}"#;
        assert_eq!(serde_json::to_string(&findings()).unwrap(), json);
    }
}
