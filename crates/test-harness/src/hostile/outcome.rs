//! What came of one row, and whether it is within bounds.

use super::{
    Bounds,
    attack::Attack,
    healthy::{Measured, SUBSCRIBERS},
    scale::Scale,
};
use std::fmt;

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub(super) attack: Attack,
    pub(super) scale: Scale,
    pub(super) note: String,
    pub(super) before: Measured,
    pub(super) during: Measured,
    /// Resident bytes of the server.
    pub(super) memory: Memory,
    /// Shares of one processor, once the attacker is idle.
    pub(super) idle_cpu: IdleCpu,
    /// What should not have been, beside the measurements.
    pub(super) faults: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) before: u64,
    pub(super) peak: u64,
    pub(super) after: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct IdleCpu {
    /// All threads together.
    pub(super) ran: f64,
    /// The busiest thread, with the time for which it waited for a processor: on a machine with other
    /// work, one that spins gets less than all of it.
    pub(super) busiest: f64,
}

impl IdleCpu {
    pub(super) fn is_busy(self) -> bool {
        self.busiest > IDLE_CPU_MAX
    }
}

/// The head of the table.
pub fn heading() -> String {
    format!(
        "{:<11} {:>13} {:>15} {:>9} {:>16} {:>6}  {}",
        "attack", "before, ms", "during, ms", "publish", "memory, MB", "CPU %", "attacker"
    ) + "\n"
        + &format!(
            "{:<11} {:>13} {:>15} {:>9} {:>16} {:>6}",
            "", "p50/p99", "p50/p99", "worst, ms", "was/peak/after", "after"
        )
}

impl Outcome {
    /// What is above its bound; with `Clock::Ignored` nothing that the machine's load decides.
    pub fn violations(&self, clock: Clock) -> Vec<String> {
        let mut found = self.faults.clone();
        let Bounds { growth_mb_max, reason, kept_mb_max } = self.attack.bounds(self.scale);
        let growth = mebibytes(self.memory.peak.saturating_sub(self.memory.before));
        if growth > growth_mb_max {
            found.push(format!("memory grew by {growth} MB, above {growth_mb_max} MB: {reason}"));
        }
        let left = mebibytes(self.memory.after.saturating_sub(self.memory.before));
        let left_mb_max = kept_mb_max + LEFT_MB_MAX;
        if left > left_mb_max {
            found.push(format!(
                "{left} MB are held after the attack, above {left_mb_max} MB, {kept_mb_max} of them state"
            ));
        }
        if self.idle_cpu.is_busy() {
            found.push(format!(
                "a thread is busy for {:.0} % of the time with an idle attacker",
                self.idle_cpu.busiest * 100.0
            ));
        }
        let undelivered = self.before.undelivered() + self.during.undelivered();
        if undelivered > 0 {
            let subscribers = SUBSCRIBERS;
            found
                .push(format!("{undelivered} deliveries to {subscribers} subscribers are missing"));
        }
        if self.during.failed > 0 {
            let why = self.during.failure.as_deref().unwrap_or_default();
            found.push(format!("{} publishes failed, the first: {why}", self.during.failed));
        }
        if clock == Clock::Counts {
            found.extend(self.too_late());
        }
        found
    }

    fn too_late(&self) -> Vec<String> {
        let mut found = Vec::new();
        let (before, during) = (p99(&self.before), p99(&self.during));
        if during > P99_MS_MAX {
            found.push(format!("p99 {during:.1} ms is above {P99_MS_MAX} ms"));
        }
        if during > before * P99_TIMES_MAX {
            found.push(format!("p99 is {:.1} times the undisturbed", during / before));
        }
        let worst = milliseconds(self.during.publishes.max());
        if worst > PUBLISH_MS_MAX {
            found.push(format!("the worst publish took {worst:.0} ms, above {PUBLISH_MS_MAX} ms"));
        }
        found
    }

    /// By how much the generator itself was late, if that spoils the row.
    pub fn lateness(&self) -> Option<String> {
        let late = milliseconds(self.during.lateness.value_at_quantile(0.99));
        (late > LATE_MS).then(|| {
            format!("the generator itself was late by {late:.0} ms (p99): latencies are not the server's alone")
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = clap::ValueEnum::to_possible_value(&self.attack);
        let Memory { before, peak, after } = self.memory;
        write!(
            f,
            "{:<11} {:>13} {:>15} {:>9.1} {:>16} {:>6.0}  {}",
            name.as_ref().map_or("", |name| name.get_name()),
            quantiles(&self.before),
            quantiles(&self.during),
            milliseconds(self.during.publishes.max()),
            format!("{}/{}/{}", mebibytes(before), mebibytes(peak), mebibytes(after)),
            self.idle_cpu.ran * 100.0,
            self.note
        )
    }
}

/// Whether latencies are held to their bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// They are.
    Counts,
    /// The machine has other work: only what does not depend on its speed is.
    Ignored,
}

fn quantiles(measured: &Measured) -> String {
    let p50 = milliseconds(measured.deliveries.value_at_quantile(0.5));
    format!("{p50:.1}/{:.1}", p99(measured))
}

fn p99(measured: &Measured) -> f64 {
    milliseconds(measured.deliveries.value_at_quantile(0.99))
}

#[expect(clippy::as_conversions, reason = "times are bounded by a minute, far below 2^53 us")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1_000.0
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

const P99_MS_MAX: f64 = 25.0;
const P99_TIMES_MAX: f64 = 5.0;
const PUBLISH_MS_MAX: f64 = 100.0;
/// What allocators keep for themselves.
const LEFT_MB_MAX: u64 = 64;
/// Of one processor: timers and heartbeats take next to nothing.
const IDLE_CPU_MAX: f64 = 0.5;
const LATE_MS: f64 = 5.0;
