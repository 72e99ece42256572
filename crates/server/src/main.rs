//! The `tidewire` binary: a server, the commands that speak to one, and one that checks its settings.

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};
use std::{env, io::Write as _, process::ExitCode};
use tidewire::{
    allocator,
    commands::{
        CheckConfig, Completions, DataCommand, DoctorCommand, HealthCommand, HistoryCommand,
        KeyCommand, Man, PublishCommand, ReloadCommand, SubscribeCommand, TokenCommand, TopCommand,
    },
    config::{Settings, unknown_variables},
    logging,
    serve::serve,
    terminal::TerminalOutput,
};

/// A real-time delivery server: publish over HTTP, subscribe over SSE, WebSocket, NDJSON or long-poll.
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
    /// Run the server; this is the default
    Serve(Box<Settings>),
    /// Publish a message, or each line of standard input
    Publish(PublishCommand),
    /// Subscribe to channels and print the messages; reconnects and resumes
    Subscribe(SubscribeCommand),
    /// Check the configuration, and print the options of channels
    CheckConfig(Box<CheckConfig>),
    /// Print stored messages
    History(HistoryCommand),
    /// Back up or restore the data of a server, or begin a new epoch
    Data(DataCommand),
    /// Find out what a proxy between here and a server does wrong
    Doctor(DoctorCommand),
    /// Exit with 0 if a server is ready for clients, and with 1 if not
    Health(HealthCommand),
    /// Have a running server read its configuration again
    Reload(ReloadCommand),
    /// Sign a token for trying things out
    Token(Box<TokenCommand>),
    /// Create, list and revoke API keys for servers
    Key(KeyCommand),
    /// Show what a server does and who is connected, once a second
    Top(TopCommand),
    /// Print a script that makes a shell complete these commands
    Completions(Completions),
    /// Print a manual page
    Man(Man),
}

fn main() -> ExitCode {
    logging::begin();
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is gone, there is nowhere to report that.
            let _ = writeln!(TerminalOutput::stderr(), "tidewire: {error:#}");
            ExitCode::FAILURE
        }
    }
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
        Some(Command::Doctor(doctor)) => block_on(doctor.run()),
        Some(Command::Health(health)) => block_on(health.run()),
        Some(Command::Reload(reload)) => block_on(reload.run()),
        Some(Command::Token(token)) => token.run(),
        Some(Command::Key(key)) => key.run(),
        Some(Command::Top(top)) => block_on(top.run()),
        Some(Command::Completions(completions)) => {
            completions.run(Arguments::command());
            Ok(())
        }
        Some(Command::Man(man)) => man.run(Arguments::command()),
    }
}

fn load_and_serve(settings: Settings) -> Result<()> {
    allocator::keep_thresholds();
    for variable in unknown_variables(env::vars_os()) {
        tracing::warn!("{variable}");
    }
    serve(settings)
}

fn block_on(command: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

const EXAMPLES: &str = "\
Try it:
  tidewire                                      run the server with its defaults
  curl -N http://127.0.0.1:8080/events          subscribe to the channel lobby
  curl -d hello http://127.0.0.1:8080/publish/lobby
  tail -F app.log | tidewire publish logs.app --lines
  tidewire subscribe 'logs.>' --since 10m
  tidewire history 'logs.>' --limit 20

Commands that connect to a server take its URL from --url or TIDEWIRE_URL.
Every flag of `serve` is also a variable TIDEWIRE_KEY and, except for --config, a key of its TOML file.
Options of single channels are tables in the file, such as [channels.\"chat.>\"].";
