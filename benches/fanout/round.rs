//! One measurement: a server of its own, its subscribers, one load, and what that cost.

use crate::cores::Cores;
use crate::cpu::{self, Cpu};
use crate::plan::{Load, Plan};
use crate::publisher::{Publisher, Task};
use crate::readers::Readers;
use crate::running::Running;
use crate::scraper::{self, Scraper};
use crate::subject::{Subject, Who};
use crate::wire::{Wire, open};
use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

/// What one measurement found. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Round {
    /// Deliveries that the load asks for; none where the subject's own speed decides.
    pub(crate) expected: Option<u64>,
    /// Deliveries that what was published asks for.
    pub(crate) due: u64,
    pub(crate) delivered: u64,
    pub(crate) out_of_order: u64,
    pub(crate) gaps: u64,
    /// Connections that the server has ended.
    pub(crate) ended: u64,
    /// Reads that brought something.
    pub(crate) reads: u64,
    pub(crate) elapsed: f64,
    /// Of the server's processes on a processor.
    pub(crate) cpu: f64,
    /// Of that, what the kernel's samples say was not in the kernel, and was.
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// For which the server was ready to run and others ran.
    pub(crate) waited: f64,
    /// Of the load generator on a processor.
    pub(crate) generator_cpu: f64,
    /// By how much a publish was late, at the 99th percentile.
    pub(crate) late_p99: f64,
    /// For which the server took no publish.
    pub(crate) held_back: f64,
}

/// Measures a subject once.
///
/// # Errors
///
/// The server does not start, or ends, or the generator fails.
pub(crate) fn measure(subject: Subject, load: Load, plan: &Plan, cores: &Cores) -> Result<Round> {
    let server = Running::start(subject.who, cores)?;
    let open_one = |_| open(server.address, subject.wire, subject.path());
    let connections = (0..plan.connections).map(open_one).collect::<Result<Vec<_>>>();
    let mut readers = Readers::start(connections.context("opening the subscribers")?);
    let publisher = open(server.address, Wire::Ws, subject.who.publish_path());
    let publisher = publisher.context("opening the publisher")?.socket;
    thread::sleep(SETTLE);

    let (time, counters) = (plan.time(load), Arc::clone(&readers.counters));
    let expected = load.messages(time).map(|messages| messages * plan.connections);
    let task = Task {
        load,
        bytes: plan.bytes,
        connections: plan.connections,
        time,
        counters: Arc::clone(&counters),
    };
    let scraper = (subject.who == Who::Scraped).then(|| Scraper::start(server.address));
    let processes = server.processes()?;
    let (before, generator_before) = (cpu::of(&processes)?, ours()?);
    let start = Instant::now();
    let publisher = Publisher::start(publisher, task);
    let (until, enough) = match expected {
        Some(expected) => (time + PATIENCE, expected),
        None => (time, u64::MAX),
    };
    while start.elapsed() < until && counters.delivered.load(Relaxed) < enough {
        readers.check()?;
        thread::sleep(Duration::from_millis(1));
    }
    let elapsed = start.elapsed();
    let server_cpu = cpu::of(&processes).context("the server has ended")? - before;
    let generator = ours()? - generator_before;
    // Before the publisher ends, which ends the floor.
    let [delivered, out_of_order, gaps, ended, reads] = counters.now();
    let published = publisher.end()?;
    scraper.map_or(Ok(()), Scraper::end)?;
    if let Who::Scraped | Who::Uncounted = subject.who {
        let counted = scraper::deliveries(server.address)?;
        ensure!(
            (counted > 0) == (subject.who == Who::Scraped),
            "{} has counted {counted} deliveries: it is another build",
            subject.who.name()
        );
    }
    let Cpu { ran, waited, user, system } = server_cpu;
    Ok(Round {
        expected,
        due: published.messages * plan.connections,
        delivered,
        out_of_order,
        gaps,
        ended,
        reads,
        elapsed: seconds(elapsed),
        cpu: seconds(ran),
        user: seconds(user),
        system: seconds(system),
        waited: seconds(waited),
        generator_cpu: seconds(generator.ran),
        late_p99: seconds(published.late_p99),
        held_back: seconds(published.held_back),
    })
}

/// What this process has used itself.
fn ours() -> Result<Cpu> {
    cpu::of(&[process::id()])
}

/// To the microsecond, so that records stay readable.
fn seconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e6
}

/// Before the load begins: openings are over, and garbage is collected.
const SETTLE: Duration = Duration::from_millis(300);
/// How long after the last publish a delivery still counts.
const PATIENCE: Duration = Duration::from_secs(1);
