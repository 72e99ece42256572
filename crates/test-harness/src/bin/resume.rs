//! Clients that come back at once after a restart, and resume what they have missed from disk.

use anyhow::Result;
use clap::Parser;
use rustix::process::{Resource, getrlimit};
use std::process::ExitCode;
use tidewire_test_harness::{
    hostile::{Cores, Resume},
    load::raise_descriptor_limit,
};

/// Restart a server with a log on disk, have clients resume, and measure how long that takes
///
/// The goals: everything within 5 s, nothing lost, and the p99 of 200 healthy subscribers within 25 ms and 5 times the undisturbed.
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// Clients
    #[arg(long, default_value_t = 20_000)]
    clients: usize,
    /// Channels that they share
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    channels: u16,
    /// Messages that each has missed
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    missed: u16,
    /// Exit 1 if a goal is missed
    #[arg(long)]
    check: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    raise_descriptor_limit()?;
    let cores = Cores::share_out()?;
    cores.be_generator()?;
    let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    // The healthy, and what a program has open beside connections.
    let open_max = limit.map_or(usize::MAX, |limit| limit.saturating_sub(SPARE)).max(1);
    let plan = Resume {
        clients: arguments.clients,
        channels: arguments.channels.into(),
        missed: arguments.missed.into(),
        open_max: open_max.min(arguments.clients),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let resumed = runtime.block_on(plan.measure(&cores))?;
    println!("{cores}\n{resumed}");
    let violations = resumed.violations();
    for violation in &violations {
        println!("no: {violation}");
    }
    if violations.is_empty() {
        println!("yes: all goals are met");
    }
    let is_failed = arguments.check && !violations.is_empty();
    Ok(if is_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Descriptors that are not the clients'.
const SPARE: usize = 1_000;
