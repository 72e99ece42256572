//! Thousands of clients of a server that is asked to end, and of the one that follows it: how long that takes, how evenly
//! they are disconnected and come back, and what they miss.

mod client;

use super::raise_descriptor_limit;
use crate::{
    peers::http::post,
    server::{Server, command},
};
use anyhow::{Context as _, Result};
use client::Client;
use rustix::process::Signal;
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    fmt,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    sync::Semaphore,
    task::{LocalSet, spawn_local},
    time::{sleep, timeout},
};

/// Who is connected, and how the server is configured.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Clients, each with an event stream of its own.
    pub clients: usize,
    /// Channels that they share. Each gets a message a second.
    pub channels: usize,
    /// The setting `drain`, in seconds.
    pub seconds: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Drained {
    plan: Drain,
    /// From the signal to the end of the process.
    took: Duration,
    /// From the signal to each goodbye, the first one first.
    goodbyes: Vec<Duration>,
    /// From the signal to each client's return.
    returns: Vec<Duration>,
    found: Found,
}

/// What the clients found together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Found {
    /// Deliveries that were due: messages that were answered, times their subscribers.
    expected: u64,
    lost: u64,
    repeated: u64,
    /// Clients whose stream ended without a goodbye that has a position.
    cut: u64,
    /// Attempts to come back while nobody listened.
    refused: u64,
    /// Clients that failed.
    failed: u64,
}

/// What clients and the publisher share.
struct Shared {
    plan: Drain,
    address: SocketAddr,
    opening: Semaphore,
    /// How many streams have been opened.
    opened: Cell<usize>,
    /// When the signal was sent.
    signalled: Cell<Option<Instant>>,
    goodbyes: RefCell<Vec<Duration>>,
    returns: RefCell<Vec<Duration>>,
    found: Cell<Found>,
    /// The serials that were answered, by channel.
    answered: RefCell<Vec<Vec<u64>>>,
    /// The serial after which a client has everything.
    last: Cell<Option<u64>>,
}

impl Drain {
    /// Connects everybody, ends the server while messages are published, starts another one, and has everybody resume.
    ///
    /// # Errors
    ///
    /// A server cannot be started or ended, or the clients do not come to an end in time.
    pub async fn measure(self) -> Result<Drained> {
        raise_descriptor_limit()?;
        LocalSet::new()
            .run_until(timeout(TIME_MAX, self.run()))
            .await
            .context("it takes too long")?
    }

    async fn run(self) -> Result<Drained> {
        let folder = tempfile::tempdir()?;
        let mut server = self.start(folder.path(), "127.0.0.1:0").await?;
        let shared = Rc::new(Shared::new(self, server.address()));
        let clients = (0..self.clients).map(|number| {
            let client = Client::new(number, Rc::clone(&shared));
            spawn_local(client.run())
        });
        let clients: Vec<_> = clients.collect();
        shared.until_opened(self.clients).await;
        let publisher = spawn_local(Rc::clone(&shared).publish());
        sleep(BEFORE).await;

        let signalled = Instant::now();
        shared.signalled.set(Some(signalled));
        server.signal(Signal::TERM)?;
        server.ended().await?;
        let took = signalled.elapsed();
        let _server = self.start(folder.path(), &shared.address.to_string()).await?;
        shared.until_opened(2 * self.clients).await;
        sleep(AFTER).await;
        publisher.abort();
        shared.publish_the_last().await?;
        for client in clients {
            if let Err(error) = client.await? {
                shared.count(|found| found.failed += 1);
                eprintln!("a client failed: {error:#}");
            }
        }
        let (mut goodbyes, mut returns) = (shared.goodbyes.take(), shared.returns.take());
        goodbyes.sort_unstable();
        returns.sort_unstable();
        Ok(Drained { plan: self, took, goodbyes, returns, found: shared.found.get() })
    }

    async fn start(self, folder: &Path, address: &str) -> Result<Server> {
        let mut command = command()?;
        let drain = format!("{}s", self.seconds);
        command.args(["serve", "--listen", address, "--workers", "2", "--drain", &drain, "--data"]);
        command.arg(folder.join("data"));
        Server::run(command).await
    }
}

impl Shared {
    fn new(plan: Drain, address: SocketAddr) -> Self {
        Self {
            plan,
            address,
            opening: Semaphore::new(OPENING_MAX),
            opened: Cell::default(),
            signalled: Cell::default(),
            goodbyes: RefCell::default(),
            returns: RefCell::default(),
            found: Cell::default(),
            answered: RefCell::new(vec![Vec::new(); plan.channels]),
            last: Cell::default(),
        }
    }

    fn count(&self, change: impl FnOnce(&mut Found)) {
        let mut found = self.found.get();
        change(&mut found);
        self.found.set(found);
    }

    fn since_signal(&self) -> Option<Duration> {
        self.signalled.get().map(|signalled| signalled.elapsed())
    }

    async fn until_opened(&self, count: usize) {
        while self.opened.get() < count {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Publishes to each channel once a second, whether somebody listens or not.
    async fn publish(self: Rc<Self>) {
        for serial in 0.. {
            // While nobody listens nothing is answered, and nothing is due.
            let _ = self.publish_once(serial).await;
            sleep(PUBLISH_INTERVAL).await;
        }
    }

    async fn publish_once(&self, serial: u64) -> Result<()> {
        let messages = (0..self.plan.channels)
            .map(|channel| format!(r#"{{"channel":"drain.c{channel}","data":"{serial}"}}"#));
        let body = format!(r#"{{"messages":[{}]}}"#, messages.collect::<Vec<_>>().join(","));
        let headers = [("Content-Type", "application/json")];
        let answer = post(self.address, "/publish", &headers, body.as_bytes()).await?;
        let answer = answer.json().await?;
        let results = answer.get("results").and_then(Value::as_array).context("no results")?;
        for (serials, result) in self.answered.borrow_mut().iter_mut().zip(results) {
            if result.get("position").is_some_and(Value::is_string) {
                serials.push(serial);
            }
        }
        Ok(())
    }

    /// Publishes what every client waits for.
    async fn publish_the_last(&self) -> Result<()> {
        self.last.set(Some(LAST));
        self.publish_once(LAST).await
    }
}

impl Drained {
    /// What should not have been.
    pub fn violations(&self) -> Vec<String> {
        let Found { lost, repeated, cut, failed, .. } = self.found;
        let mut violations = Vec::new();
        let limit = Duration::from_secs(self.plan.seconds) + END_SPARE;
        if self.took > limit {
            violations.push(format!("it took {:.1?}, above {limit:.1?}", self.took));
        }
        for (count, what) in [
            (lost, "deliveries are lost"),
            (repeated, "deliveries are repeated"),
            (cut, "clients got no goodbye with a position"),
            (failed, "clients failed"),
        ] {
            if count > 0 {
                violations.push(format!("{count} {what}"));
            }
        }
        for (times, what) in [(&self.goodbyes, "goodbyes"), (&self.returns, "returns")] {
            let percent = busiest_tenth(times);
            if percent > TENTH_PERCENT_MAX {
                violations.push(format!("{percent} % of the {what} are in a tenth of their time"));
            }
        }
        violations
    }
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drain { clients, channels, seconds } = self.plan;
        writeln!(
            f,
            "{clients} event streams on {channels} channels, a message a second each; drain = {seconds}s"
        )?;
        writeln!(f, "signal to the end of the process: {:.2} s", self.took.as_secs_f64())?;
        for (times, what) in [(&self.goodbyes, "goodbyes"), (&self.returns, "returns")] {
            let at = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
            let (first, last) = (at(times.first()), at(times.last()));
            let percent = busiest_tenth(times);
            writeln!(
                f,
                "{what}: {} from {first:.2} s to {last:.2} s after the signal, {percent} % in the busiest tenth",
                times.len()
            )?;
        }
        let Found { expected, lost, repeated, cut, refused, failed } = self.found;
        writeln!(
            f,
            "deliveries due: {expected}, lost after the resume: {lost}, repeated: {repeated}"
        )?;
        write!(
            f,
            "without a goodbye: {cut}, attempts that were refused: {refused}, clients that failed: {failed}"
        )
    }
}

/// How many in a hundred of these times, which are in order, lie in one tenth of the time that all take.
fn busiest_tenth(times: &[Duration]) -> usize {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0 };
    let tenth = last.saturating_sub(*first) / 10;
    let within = |(at, from): (usize, &Duration)| {
        let end = times.partition_point(|time| *time <= from.saturating_add(tenth));
        end.saturating_sub(at)
    };
    times.iter().enumerate().map(within).max().unwrap_or_default() * 100 / times.len()
}

/// How many connect at once.
const OPENING_MAX: usize = 200;
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
/// How long messages are published before the signal, and after everybody is back.
const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(2);
const LAST: u64 = 1_000_000;
const TIME_MAX: Duration = Duration::from_secs(150);
/// For the end of the process after the drain.
const END_SPARE: Duration = Duration::from_secs(2);
/// Evenly would be 10.
const TENTH_PERCENT_MAX: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;

    fn evenly(count: u64, over_ms: u64) -> Vec<Duration> {
        (0..count).map(|at| Duration::from_millis(at * over_ms / count)).collect()
    }

    fn drained() -> Drained {
        Drained {
            plan: Drain { clients: 100, channels: 1, seconds: 10 },
            took: Duration::from_secs(8),
            goodbyes: evenly(100, 7_500),
            returns: evenly(100, 9_500),
            found: Found { expected: 500, ..Found::default() },
        }
    }

    #[test]
    fn whatever_is_lost_late_or_crowded_is_a_violation() {
        assert_eq!(drained().violations(), Vec::<String>::new());
        let sound = drained();
        for (bad, words) in [
            (Drained { took: Duration::from_secs(13), ..sound.clone() }, "it took 13.0s"),
            (
                Drained { found: Found { lost: 1, ..sound.found }, ..sound.clone() },
                "1 deliveries are lost",
            ),
            (
                Drained { found: Found { repeated: 2, ..sound.found }, ..sound.clone() },
                "2 deliveries are repeated",
            ),
            (
                Drained { found: Found { cut: 3, ..sound.found }, ..sound.clone() },
                "3 clients got no goodbye",
            ),
            (
                Drained { found: Found { failed: 4, ..sound.found }, ..sound.clone() },
                "4 clients failed",
            ),
            (
                Drained {
                    goodbyes: [evenly(90, 100), evenly(10, 7_500)].concat(),
                    ..sound.clone()
                },
                "% of the goodbyes",
            ),
        ] {
            let mut bad = bad;
            bad.goodbyes.sort_unstable();
            let violations = bad.violations();
            assert_eq!(violations.len(), 1, "{violations:?}");
            assert!(violations.concat().contains(words), "{violations:?}");
        }
    }
}
