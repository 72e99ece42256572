//! A server with many clients that is asked to end, and the one that follows it.

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;
use tidewire_test_harness::load::Drain;

/// End a server with many clients while messages are published, start it again, and have the clients resume
///
/// The goals: the process ends within `drain`, nobody misses or repeats a message, and clients go and come back evenly.
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Clients, each with an event stream
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// Channels that they share
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    channels: u16,
    /// The setting `drain` of the server, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=60))]
    seconds: u16,
    /// Exit 1 if a goal is missed
    #[arg(long)]
    check: bool,
}

fn main() -> Result<ExitCode> {
    let Arguments { clients, channels, seconds, check } = Arguments::parse();
    let plan =
        Drain { clients: clients.into(), channels: channels.into(), seconds: seconds.into() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let drained = runtime.block_on(plan.measure())?;
    println!("{drained}");
    let violations = drained.violations();
    for violation in &violations {
        println!("no: {violation}");
    }
    if violations.is_empty() {
        println!("yes: all goals are met");
    }
    let is_failed = check && !violations.is_empty();
    Ok(if is_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
