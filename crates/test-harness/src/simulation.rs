//! A seeded world under virtual time: one broker, a few workers, and clients on every transport whose links split,
//! delay, stall and drop. At each step it is checked against what Tidewire promises.
//!
//! Nothing sleeps, nothing runs in parallel, and all randomness comes from the seed, so a seed gives the same run
//! each time.

mod brought;
mod checkers;
mod chunks;
mod client;
mod clock;
mod delivery_record;
mod engine_under_test;
mod grants;
mod history;
mod link;
mod member_pages;
mod members;
mod membership;
mod model_outcome;
mod opening;
mod oracle;
mod pages;
mod presence;
mod presence_publisher;
mod program;
mod publishing;
mod reading;
mod request;
mod session;
mod session_grant;
mod settings;
mod sim_store;
mod tally;
mod trace;
mod wire_reader;
mod workload;
mod world;

pub use tally::Tally;

use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
};
use world::World;

/// A promise that was broken in the world of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to run again.
    pub seed: u64,
    /// Which promise was broken, and by which part.
    pub what: String,
    /// What had happened, oldest first.
    pub trace: Vec<String>,
}

/// Runs the world of `seed` to its end.
///
/// # Errors
///
/// A promise was broken.
pub fn simulate(seed: u64) -> Result<Tally, Failure> {
    match run(seed, false) {
        (Ok(tally), _) => Ok(tally),
        // Again, with a trace: nobody reads those of the worlds that pass.
        (Err(_), _) => match run(seed, true) {
            (Err(what), trace) => Err(Failure { seed, what, trace }),
            (Ok(_), trace) => {
                let what = "one seed gave two traces: the world is not deterministic".to_owned();
                Err(Failure { seed, what, trace })
            }
        },
    }
}

/// Runs the world of `seed`; returns its trace, with its tally or what went wrong.
pub fn trace(seed: u64) -> (Vec<String>, Result<Tally, String>) {
    let (outcome, trace) = run(seed, true);
    (trace, outcome)
}

fn run(seed: u64, keeps_trace: bool) -> (Result<Tally, String>, Vec<String>) {
    let mut world = match World::new(seed, keeps_trace) {
        Ok(world) => world,
        Err(error) => return (Err(error), Vec::new()),
    };
    // A panic anywhere inside is one more broken promise, and has to name its seed.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| world.run()));
    let outcome = outcome.unwrap_or_else(|_| Err("a panic; its message is above".to_owned()));
    (outcome.map(|()| world.tally), world.trace.into_lines())
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.trace.len().saturating_sub(TRACE_LINES_SHOWN);
        for line in self.trace.iter().skip(shown) {
            writeln!(formatter, "{line}")?;
        }
        write!(formatter, "seed {}: {}", self.seed, self.what)
    }
}

const TRACE_LINES_SHOWN: usize = 60;
