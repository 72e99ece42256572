//! Runs seeded worlds on all cores, and fails with the seed of the first promise that was broken.

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Parser;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};
use tidewire_test_harness::simulation::{Failure, Tally, simulate, trace};

/// Simulates servers, clients and bad links under virtual time, world after world.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many worlds to run, at least one.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first world's seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Prints the trace of one world instead.
    #[arg(long)]
    seed: Option<u64>,
    /// How many threads to run worlds on [default: one a core].
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.seed {
        Some(seed) => print_trace(seed),
        None => run(&arguments),
    }
}

fn print_trace(seed: u64) -> Result<()> {
    let (trace, outcome) = trace(seed);
    trace.iter().for_each(|line| println!("{line}"));
    println!("seed {seed} passed: {}", outcome.map_err(|what| anyhow!("seed {seed}: {what}"))?);
    Ok(())
}

fn run(arguments: &Arguments) -> Result<()> {
    let threads =
        arguments.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let (next, has_failed) = (AtomicU64::new(arguments.first), AtomicBool::new(false));
    let end =
        arguments.first.checked_add(arguments.seeds).context("no seeds are left from there")?;
    let work = || -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        while !has_failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let outcome = simulate(seed).inspect_err(|_| has_failed.store(true, Ordering::Relaxed));
            tally.add(&outcome?);
        }
        Ok(tally)
    };
    let mut tally = Tally::default();
    let outcomes: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join()).collect()
    });
    for outcome in outcomes {
        match outcome {
            Ok(Ok(part)) => tally.add(&part),
            Ok(Err(failure)) => bail!("{failure}\nrun it again with --seed {}", failure.seed),
            Err(_) => bail!("a world panicked; its message is above"),
        }
    }
    let missing = tally.missing(arguments.seeds);
    if !missing.is_empty() {
        bail!("{} seeds proved too little: no {}", arguments.seeds, missing.join(", no "));
    }
    println!("{} seeds passed, {tally}", arguments.seeds);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_seeds_at_all_prove_nothing_and_are_refused() {
        let parse = |seeds| Arguments::try_parse_from(["simulate", "--seeds", seeds]);
        assert!(parse("1").is_ok());
        assert!(parse("0").is_err());
        let past_the_end = ["simulate", "--first", "18446744073709551615"];
        assert!(run(&Arguments::parse_from(past_the_end)).is_err());
    }
}
