//! Runs seeded worlds of a client library, several at once, and fails with the seed of the first promise that was broken.

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};
use tidewire_test_harness::clients::{Failure, Library, Mutation, Tally, run};
use tokio::task::JoinSet;

/// Runs client libraries against the real server through faults, world after world.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many worlds to run for each library, at least one.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first world's seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Runs one world alone instead, and prints what happens in it.
    #[arg(long)]
    seed: Option<u64>,
    /// Only this library [default: each].
    #[arg(long)]
    client: Option<Client>,
    /// Plants faults in the JavaScript client, one after another, and fails if worlds do not find one of them.
    #[arg(long, conflicts_with = "seed")]
    planted: bool,
    /// Another folder of the JavaScript client than `web/client/`.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Goes on after a failure, to see how many seeds fail.
    #[arg(long)]
    go_on: bool,
    /// How many worlds to run at once: they mostly wait [default: six a core].
    #[arg(long)]
    at_once: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Client {
    /// `web/client` in Node.js.
    Javascript,
    /// `crates/client`.
    Rust,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run_chosen().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not with where it was made: what matters is the seed.
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run_chosen() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.planted {
        return find_planted(&arguments).await;
    }
    let clients = arguments.client.map_or_else(|| Client::value_variants().to_vec(), |it| vec![it]);
    for client in clients {
        let library = match client {
            Client::Javascript => Library::javascript(arguments.folder.as_deref(), &[])?,
            Client::Rust => Library::rust()?,
        };
        match arguments.seed {
            Some(seed) => run_one(seed, &library).await?,
            None => run_all(&arguments, client, Arc::new(library)).await?,
        }
    }
    Ok(())
}

async fn run_one(seed: u64, library: &Library) -> Result<()> {
    match run(seed, library).await {
        Ok(tally) => println!("seed {seed} passed: {tally}"),
        Err(failure) => bail!("{failure}"),
    }
    Ok(())
}

async fn run_all(arguments: &Arguments, client: Client, library: Arc<Library>) -> Result<()> {
    let started = Instant::now();
    let (tally, failures) = run_seeds(arguments, Arc::clone(&library)).await?;
    report(&failures, client)?;
    let missing = tally.missing(arguments.seeds, library.capabilities());
    if !missing.is_empty() {
        bail!("{} seeds proved too little: no {}", arguments.seeds, missing.join(", no "));
    }
    let took = started.elapsed().as_secs_f64();
    println!("{client:?}: {} seeds passed in {took:.1} s, {tally}", arguments.seeds);
    Ok(())
}

/// Each fault has to be found by one of the seeds.
async fn find_planted(arguments: &Arguments) -> Result<()> {
    for mutation in &Mutation::ALL {
        let library = Library::javascript(arguments.folder.as_deref(), &[*mutation])?;
        let (_, failures) = run_seeds(arguments, Arc::new(library)).await?;
        let is_it =
            |failure: &&Failure| mutation.says.iter().any(|part| failure.what.contains(part));
        let Some(failure) = failures.iter().find(is_it) else {
            let others: Vec<_> = failures.iter().map(|failure| &*failure.what).collect();
            bail!("{} seeds did not find that {}: {others:?}", arguments.seeds, mutation.name);
        };
        println!("found that {}, seed {}: {}", mutation.name, failure.seed, failure.what);
    }
    Ok(())
}

/// Runs the chosen seeds, several at once.
async fn run_seeds(arguments: &Arguments, library: Arc<Library>) -> Result<(Tally, Vec<Failure>)> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let at_once = arguments.at_once.unwrap_or(WORLDS_A_CORE * cores).max(1);
    let end = arguments.first.checked_add(arguments.seeds);
    let end = end.context("no seeds are left from there")?;
    let next = Arc::new(AtomicU64::new(arguments.first));
    let goes_on = arguments.go_on;
    let mut worlds = JoinSet::new();
    for _ in 0..at_once {
        let (next, library) = (Arc::clone(&next), Arc::clone(&library));
        worlds.spawn(async move {
            let (mut tally, mut failures) = (Tally::default(), Vec::new());
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    return (tally, failures);
                }
                match run(seed, &library).await {
                    Ok(one) => tally.add(&one),
                    Err(failure) => {
                        failures.push(failure);
                        if !goes_on {
                            next.store(end, Ordering::Relaxed);
                        }
                    }
                }
            }
        });
    }
    let (mut tally, mut failures) = (Tally::default(), Vec::new());
    while let Some(outcome) = worlds.join_next().await {
        let (part, failed) = outcome?;
        tally.add(&part);
        failures.extend(failed);
    }
    Ok((tally, failures))
}

/// Fails if there are failures: the first one whole, and how to run each again.
fn report(failures: &[Failure], client: Client) -> Result<()> {
    let Some(first) = failures.iter().min_by_key(|failure| failure.seed) else { return Ok(()) };
    println!("{first}");
    for Failure { seed, what, .. } in failures {
        println!("seed {seed}: {what}");
    }
    let client = format!("{client:?}").to_lowercase();
    bail!(
        "{} failed; one again, alone: cargo xtask clients --client {client} --seed {}",
        failures.len(),
        first.seed
    );
}

/// Worlds mostly wait for heartbeats and for clients that come back.
const WORLDS_A_CORE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_seeds_at_all_prove_nothing_and_are_refused() {
        assert!(Arguments::try_parse_from(["clients", "--seeds", "1"]).is_ok());
        assert!(Arguments::try_parse_from(["clients", "--seeds", "0"]).is_err());
    }
}
