//! Thousands of clients that resume at once after a restart. What they have missed is on disk only.
//!
//! Each resumes one of several channels from the same position, and disconnects once it has everything. Meanwhile the
//! healthy subscribers of the attacks receive what is published live.

mod clients;

use super::{
    Cores,
    attacker::{batch, publish_all},
    healthy::{Healthy, Phase},
};
use crate::{
    load::thread_times,
    peers::http,
    server::{Server, command},
};
use anyhow::{Context as _, Result, bail};
use clients::Clients;
use std::{fmt, net::SocketAddr, path::Path, thread, time::Duration};
use tokio::{task::LocalSet, time::sleep};

/// Who comes back, and to what.
#[derive(Clone, Copy, Debug)]
pub struct Resume {
    /// Clients, each with a connection of its own.
    pub clients: usize,
    /// Channels they share.
    pub channels: usize,
    /// Messages that each has missed.
    pub missed: usize,
    /// How many may be connected at once: descriptors are bounded, for us and for the server.
    pub open_max: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Resumed {
    plan: Resume,
    /// From the first SYN to the last message.
    took: Duration,
    /// Of the server, all threads.
    cpu: Duration,
    found: Found,
    /// Of the healthy subscribers, in milliseconds.
    before_p99: f64,
    during_p99: f64,
    /// Deliveries to them that did not come.
    undelivered: u64,
    /// By how much their publisher was late.
    late_p99: f64,
}

/// What the clients found together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    messages: u64,
    /// Messages that were not the next one.
    out_of_order: u64,
    gaps: u64,
    /// Clients that ended without everything, and what became of the first of them.
    failed: u64,
    failure: Option<String>,
}

impl Resume {
    /// Fills a log, restarts its server, and has all clients resume.
    ///
    /// # Errors
    ///
    /// The server cannot be started, filled or ended, or the generator failed.
    pub async fn measure(self, cores: &Cores) -> Result<Resumed> {
        let folder = tempfile::tempdir()?;
        let mut server = start(folder.path(), cores).await?;
        let since = self.fill(server.address()).await.context("filling the log")?;
        server.terminate().await?;
        let mut server = start(folder.path(), cores).await?;
        let (address, process) = (server.address(), server.id()?);
        let healthy = Healthy::start(address).await?;
        healthy.enter(Some(Phase::Before));
        sleep(BEFORE).await;

        healthy.enter(Some(Phase::During));
        let cpu_before = cpu(process)?;
        let (found, took) = self.come_back(address, since).await?;
        let cpu = cpu(process)?.saturating_sub(cpu_before);
        healthy.enter(None);
        healthy.wait_until_quiet(QUIET_WAIT_MAX).await;
        let (before, during) = (healthy.measured(Phase::Before), healthy.measured(Phase::During));
        healthy.end()?;
        server.kill().await?;
        let p99 = |us: &hdrhistogram::Histogram<u64>| milliseconds(us.value_at_quantile(0.99));
        Ok(Resumed {
            plan: self,
            took,
            cpu,
            found,
            before_p99: p99(&before.deliveries),
            during_p99: p99(&during.deliveries),
            undelivered: before.undelivered() + during.undelivered(),
            late_p99: p99(&during.lateness),
        })
    }

    /// Publishes what will have been missed; returns the position before it.
    async fn fill(self, address: SocketAddr) -> Result<String> {
        let since = http::publish(address, "missed.before", "seen").await?;
        let messages = (0..self.missed).flat_map(|serial| {
            (0..self.channels).map(move |channel| {
                let text = format!("{serial:0DIGITS$}{:x<FILLING$}", "");
                format!(r#"{{"channel":"missed.c{channel}","data":"{text}"}}"#)
            })
        });
        let messages: Vec<String> = messages.collect();
        publish_all(address, messages.chunks(BATCH).map(|part| batch(part.to_vec()))).await?;
        Ok(since)
    }

    /// From a thread that leaves the processor to the healthy whenever they want it.
    async fn come_back(self, address: SocketAddr, since: String) -> Result<(Found, Duration)> {
        let thread = thread::spawn(move || -> Result<(Found, Duration)> {
            rustix::process::nice(NICE)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            LocalSet::new().block_on(&runtime, Clients::new(self, address, since).run())
        });
        while !thread.is_finished() {
            sleep(Duration::from_millis(10)).await;
        }
        match thread.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("the clients' thread has panicked"),
        }
    }
}

impl Resumed {
    /// What should not have been.
    pub fn violations(&self) -> Vec<String> {
        let Found { messages, out_of_order, gaps, failed, failure } = &self.found;
        let mut violations = Vec::new();
        let took = self.took.as_secs_f64();
        if took > SECONDS_MAX {
            violations
                .push(format!("the last message came after {took:.1} s, above {SECONDS_MAX} s"));
        }
        let lost = self.expected().saturating_sub(*messages);
        if lost + out_of_order + gaps > 0 {
            violations.push(format!("{lost} lost, {out_of_order} out of order, {gaps} gaps"));
        }
        if *failed > 0 {
            let why = failure.as_deref().unwrap_or_default();
            violations.push(format!("{failed} clients failed, the first: {why}"));
        }
        if self.during_p99 > P99_MS_MAX || self.during_p99 > self.before_p99 * P99_TIMES_MAX {
            violations.push(format!(
                "the healthy p99 of {:.1} ms is above {P99_MS_MAX} ms or {P99_TIMES_MAX} times the undisturbed",
                self.during_p99
            ));
        }
        if self.undelivered > 0 {
            violations.push(format!("{} deliveries to the healthy are missing", self.undelivered));
        }
        violations
    }

    fn expected(&self) -> u64 {
        u64::try_from(self.plan.clients * self.plan.missed).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resume { clients, channels, missed, open_max } = self.plan;
        writeln!(
            f,
            "{clients} clients resume {missed} messages each of {channels} channels, at most {open_max} at once"
        )?;
        writeln!(f, "first SYN to last message: {:.2} s", self.took.as_secs_f64())?;
        writeln!(f, "server CPU meanwhile:      {:.2} s", self.cpu.as_secs_f64())?;
        let lost = self.expected().saturating_sub(self.found.messages);
        writeln!(f, "messages: {} of {}, {lost} lost", self.found.messages, self.expected())?;
        write!(
            f,
            "healthy p99: {:.1} ms before, {:.1} ms meanwhile",
            self.before_p99, self.during_p99
        )?;
        if self.late_p99 > LATE_MS {
            write!(f, " (their publisher was late itself: p99 {:.0} ms)", self.late_p99)?;
        }
        Ok(())
    }
}

async fn start(folder: &Path, cores: &Cores) -> Result<Server> {
    let mut command = command()?;
    command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "2", "--data"]);
    command.arg(folder.join("data"));
    // A process begins on the processors of the thread that starts it.
    cores.be_server()?;
    let server = Server::run(command).await;
    cores.be_generator()?;
    server
}

fn cpu(process: u32) -> Result<Duration> {
    Ok(thread_times(process)?.values().map(|times| times.ran).sum())
}

#[expect(clippy::as_conversions, reason = "times are bounded by a minute, far below 2^53 us")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1_000.0
}

/// Of a serial number, which begins each message; filling follows, to 128 bytes.
const DIGITS: usize = 6;
const FILLING: usize = 122;
const BATCH: usize = 5_000;
const NICE: i32 = 5;
const BEFORE: Duration = Duration::from_secs(3);
const QUIET_WAIT_MAX: Duration = Duration::from_secs(10);
/// When a client gives up, counted from the first SYN.
const TIME_MAX: Duration = Duration::from_secs(60);
const SECONDS_MAX: f64 = 5.0;
const P99_MS_MAX: f64 = 25.0;
const P99_TIMES_MAX: f64 = 5.0;
const LATE_MS: f64 = 5.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed() -> Resumed {
        let plan = Resume { clients: 10, channels: 2, missed: 100, open_max: 10 };
        Resumed {
            plan,
            took: Duration::from_secs(2),
            cpu: Duration::from_secs(1),
            found: Found { messages: 1_000, ..Found::default() },
            before_p99: 4.0,
            during_p99: 9.0,
            undelivered: 0,
            late_p99: 0.0,
        }
    }

    #[test]
    fn whatever_is_lost_late_or_refused_is_a_violation() {
        assert_eq!(resumed().violations(), Vec::<String>::new());
        let sound = resumed();
        let failure = Some("503".to_owned());
        for (bad, words) in [
            (Resumed { took: Duration::from_secs(6), ..sound.clone() }, "after 6.0 s, above 5 s"),
            (
                Resumed { found: Found { messages: 999, ..Found::default() }, ..sound.clone() },
                "1 lost",
            ),
            (
                Resumed { found: Found { gaps: 1, ..sound.found.clone() }, ..sound.clone() },
                "1 gaps",
            ),
            (
                Resumed {
                    found: Found { failed: 1, failure, ..sound.found.clone() },
                    ..sound.clone()
                },
                "1 clients failed, the first: 503",
            ),
            (Resumed { during_p99: 20.1, ..sound.clone() }, "5 times the undisturbed"),
            (Resumed { undelivered: 3, ..sound.clone() }, "3 deliveries"),
        ] {
            let violations = bad.violations();
            assert_eq!(violations.len(), 1, "{violations:?}");
            assert!(violations.concat().contains(words), "{violations:?}");
        }
    }
}
