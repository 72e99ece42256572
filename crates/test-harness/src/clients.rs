//! A client library in a process of its own, against the real server behind a proxy that fails: one world a seed.
//!
//! A world has a server, some clients, each behind a [`Proxy`](crate::proxy::Proxy) of its own, and a [`Plan`] drawn from
//! the seed: what is subscribed and published, what breaks, and when. A driver program runs the clients, one program for
//! each library and the same words for all. What it reports is judged by three:
//!
//! - `Record`: a subscription receives each message that it selects once and in order, or a gap notice first
//! - `Publishing`: what a client publishes is in the log once, in its order, where the answer says
//! - `Liveness`: no client says `live` for longer than two heartbeats on a link that is dead
//!
//! The faults of a seed are always the same. Times are real, so their effects may differ from run to run.

mod driver;
mod library;
mod liveness;
mod mutation;
mod outage;
mod plan;
mod publishing;
mod record;
mod tally;
mod truth;
mod world;

pub use library::Library;
pub use mutation::Mutation;
pub use plan::Plan;
pub use tally::Tally;

use anyhow::Result;
use std::fmt;
use world::World;

/// A promise that was broken in the world of a seed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What to run again.
    pub seed: u64,
    /// Which promise was broken.
    pub what: String,
    /// What was planned.
    pub plan: String,
    /// What had happened, oldest first.
    pub trace: Vec<String>,
}

/// Runs the world of `seed` with clients of `library` to its end.
///
/// # Errors
///
/// A promise was broken, or the world could not be set up.
pub async fn run(seed: u64, library: &Library) -> Result<Tally, Failure> {
    let plan = Plan::draw(seed, library.capabilities());
    let mut trace = Vec::new();
    let outcome = World::run(&plan, library, &mut trace).await;
    outcome.map_err(|error| Failure {
        seed,
        what: format!("{error:#}"),
        plan: plan.to_string(),
        trace,
    })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        write!(f, "{}", self.plan)?;
        let skipped = self.trace.len().saturating_sub(TRACE_LINES_MAX);
        if skipped > 0 {
            writeln!(f, "({skipped} lines before)")?;
        }
        self.trace.iter().skip(skipped).try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// More than the last second of a world.
const TRACE_LINES_MAX: usize = 400;
