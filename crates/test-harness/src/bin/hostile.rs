//! What healthy subscribers notice of an attack, and what an attack leaves behind: one row for each.

use anyhow::Result;
use clap::{Parser, ValueEnum as _};
use std::{process::ExitCode, time::Duration};
use tidewire_test_harness::{
    hostile::{Attack, Clock, Cores, Plan, Scale, heading, measure},
    load::raise_descriptor_limit,
};

/// Attack a server, and measure what 200 healthy subscribers at 20 messages/s notice
///
/// Exits 1 if in a row the healthy p99 is above 25 ms or 5 times the undisturbed one, a publish takes more than
/// 100 ms, a thread of the server is busy while the attacker is idle, or memory is above the row's bound.
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// The attacks; all by default
    #[arg(value_enum, value_name = "ROW")]
    rows: Vec<Attack>,
    /// How long each attack takes, and the undisturbed time before it
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Decides what the attackers choose at random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A part of each attack within a minute, on a machine that may be busy: latencies are not held to their bounds
    #[arg(long)]
    short: bool,
    /// Whole attacks, but latencies are not held to their bounds: for a machine that others use
    #[arg(long)]
    ignore_latency: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    raise_descriptor_limit()?;
    let cores = Cores::share_out()?;
    cores.be_generator()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&arguments, &cores))
}

async fn run(arguments: &Arguments, cores: &Cores) -> Result<ExitCode> {
    let (phase, scale) = match arguments.short {
        true => (SHORT_PHASE, Scale::Short),
        false => (Duration::from_secs(arguments.seconds), Scale::Whole),
    };
    let is_quiet = !arguments.short && !arguments.ignore_latency;
    let clock = if is_quiet { Clock::Counts } else { Clock::Ignored };
    let plan = Plan { phase, scale, seed: arguments.seed };
    let rows = match &*arguments.rows {
        [] => Attack::value_variants(),
        chosen => chosen,
    };
    println!("{cores}; seed {}\n{}", plan.seed, heading());
    let mut failed = 0;
    for attack in rows {
        let outcome = measure(*attack, plan, cores).await?;
        println!("{outcome}");
        if let Some(late) = outcome.lateness() {
            println!("{:<11} {late}", "");
        }
        let violations = outcome.violations(clock);
        violations.iter().for_each(|violation| println!("{:<11} ABOVE ITS BOUND: {violation}", ""));
        failed += usize::from(!violations.is_empty());
    }
    if failed > 0 {
        println!("{failed} of {} rows are above their bounds", rows.len());
        return Ok(ExitCode::FAILURE);
    }
    println!("all {} rows are within their bounds", rows.len());
    Ok(ExitCode::SUCCESS)
}

const SHORT_PHASE: Duration = Duration::from_millis(400);
