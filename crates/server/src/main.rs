//! The `tidewire` binary: a server, the commands that speak to one, and one that checks its settings.

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};
use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};
use tidewire::{
    commands::{
        CheckConfig, Completions, DataCommand, HistoryCommand, Man, PublishCommand,
        SubscribeCommand,
    },
    config::{Config, Settings, unknown_variables},
    serve::serve,
    terminal::Screen,
};
use tracing_subscriber::EnvFilter;

/// One publish reaches every subscriber, over whichever wire suits them.
#[derive(Parser)]
#[command(version, about, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server; also what happens without a command
    Serve(Box<Settings>),
    /// Publish a message, or standard input line by line
    Publish(PublishCommand),
    /// Follow channels and print what comes, resuming by itself
    Subscribe(SubscribeCommand),
    /// Check the configuration, and tell what channels have and why
    CheckConfig(Box<CheckConfig>),
    /// Print what was published
    History(HistoryCommand),
    /// Copy the data of a server, put a copy back, or begin a new epoch
    Data(DataCommand),
    /// Print what makes a shell complete these commands
    Completions(Completions),
    /// Print a manual page
    Man(Man),
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("RUST_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(wants_colours())
        .init();
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told that it cannot be told.
            let _ = writeln!(Screen::stderr(), "tidewire: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Colours are for people who look on, unless they say otherwise (<https://no-color.org>).
fn wants_colours() -> bool {
    io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        None => load_and_serve(arguments.settings),
        Some(Command::Serve(settings)) => load_and_serve(*settings),
        Some(Command::Publish(publish)) => block_on(publish.run()),
        Some(Command::Subscribe(subscribe)) => block_on(subscribe.run()),
        Some(Command::CheckConfig(check)) => check.run(),
        Some(Command::History(history)) => block_on(history.run()),
        Some(Command::Data(data)) => block_on(data.run()),
        Some(Command::Completions(completions)) => {
            completions.run(Arguments::command());
            Ok(())
        }
        Some(Command::Man(man)) => man.run(Arguments::command()),
    }
}

fn load_and_serve(settings: Settings) -> Result<()> {
    for variable in unknown_variables(env::vars_os()) {
        tracing::warn!("{variable}");
    }
    serve(Config::load(settings)?)
}

fn block_on(command: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// What these crates have to tell, ours tell too, or it is no fault.
const LOGGED: &str = "info,actix_server=warn,actix_http=off,rustls_platform_verifier=off";

const EXAMPLES: &str = "\
Try it:
  tidewire                                      run the server with its defaults
  curl -N http://127.0.0.1:8080/events          follow the lobby
  curl -d hello http://127.0.0.1:8080/publish/lobby
  tail -F app.log | tidewire publish logs.app --lines
  tidewire subscribe 'logs.>' --since 10m
  tidewire history 'logs.>' --limit 20

The commands that speak to a server take its URL from --url or TIDEWIRE_URL.
Every flag of `serve` is also a variable TIDEWIRE_KEY and, but for --config, a key of its TOML file.
Only the file says what differs by channel: a table such as [channels.\"chat.>\"].";
