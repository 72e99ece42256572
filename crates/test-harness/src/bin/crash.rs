//! Crashes the real server again and again, and fails when anything answered is lost.

use anyhow::{Context as _, Result};
use clap::Parser;
use std::num::NonZeroUsize;
use tidewire_test_harness::crash::{Plan, crash, fill_the_disk};

/// Kills servers whose log is on disk while clients publish, and checks what comes back.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often to kill in each of the two runs, at least once: one with whole, one with torn tails.
    #[arg(long, default_value = "10")]
    rounds: NonZeroUsize,
    /// From what everything random follows [default: random].
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    for tears in [false, true] {
        let plan = Plan { rounds: arguments.rounds.get(), seed, tears };
        let report = crash(plan).await.with_context(|| format!("{plan:?}"))?;
        println!("{plan:?}: {report:?}");
    }
    let report = fill_the_disk().await.context("on a full disk")?;
    println!("a full disk: {report:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_crash_at_all_proves_nothing_and_is_refused() {
        assert!(Arguments::try_parse_from(["crash", "--rounds", "1"]).is_ok());
        assert!(Arguments::try_parse_from(["crash", "--rounds", "0"]).is_err());
    }
}
