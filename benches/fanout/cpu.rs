//! What processes have had of the processors, as the kernel counts it.
//!
//! The sum is the scheduler's, exact to the nanosecond. How much of it was spent in the kernel is known only by
//! samples, 250 a second or so, which the kernel scales to that sum: [`Cpu::user`] is an estimate.

use anyhow::{Context as _, Result};
use std::fs;
use std::ops::{AddAssign, Sub};
use std::time::Duration;

/// Times of one process or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// On a processor.
    pub(crate) ran: Duration,
    /// Ready to run, while others did.
    pub(crate) waited: Duration,
    /// Of `ran` outside the kernel, to a hundredth of a second.
    pub(crate) user: Duration,
    /// The rest of it, likewise.
    pub(crate) system: Duration,
}

/// The times of all of `processes`.
///
/// # Errors
///
/// A process has ended, or the kernel's format is not the known one.
pub(crate) fn of(processes: &[u32]) -> Result<Cpu> {
    let mut sum = Cpu::default();
    for process in processes {
        let folder = format!("/proc/{process}");
        for thread in fs::read_dir(format!("{folder}/task")).context("the process has ended")? {
            // A thread may end while this looks at it.
            let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            let (ran, waited) = parse_schedstat(&text).context("schedstat is not understood")?;
            sum += Cpu { ran, waited, ..Cpu::default() };
        }
        let stat = Stat::parse(&fs::read_to_string(format!("{folder}/stat"))?);
        let Stat { user, system, .. } = stat.context("stat is not understood")?;
        sum += Cpu { user, system, ..Cpu::default() };
    }
    Ok(sum)
}

/// A process and those that it has started.
///
/// # Errors
///
/// There is no such process.
pub(crate) fn family(process: u32) -> Result<Vec<u32>> {
    let mut family = vec![process];
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(text) = fs::read_to_string(format!("/proc/{child}/stat")) else { continue };
        if Stat::parse(&text).is_some_and(|stat| stat.parent == process) {
            family.push(child);
        }
    }
    Ok(family)
}

/// The share of a second for which any processor was not idle, a processor, while nothing of ours ran.
pub(crate) fn busy_share() -> Option<f64> {
    let before = parse_busy(&fs::read_to_string("/proc/stat").ok()?)?;
    std::thread::sleep(Duration::from_secs(1));
    let after = parse_busy(&fs::read_to_string("/proc/stat").ok()?)?;
    let (busy, all) = (after.0.checked_sub(before.0)?, after.1.checked_sub(before.1)?);
    Some(busy as f64 / all.max(1) as f64)
}

/// Two of the fields of proc(5), after the name, which is in brackets and may hold anything.
struct Stat {
    parent: u32,
    user: Duration,
    system: Duration,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let ticks = |index: usize| Some(TICK * fields.get(index)?.parse().ok()?);
        Some(Self { parent: fields.get(1)?.parse().ok()?, user: ticks(11)?, system: ticks(12)? })
    }
}

fn parse_schedstat(text: &str) -> Option<(Duration, Duration)> {
    let mut fields = text.split_ascii_whitespace().map(|field| field.parse().ok());
    let mut next = || fields.next().flatten().map(Duration::from_nanos);
    Some((next()?, next()?))
}

/// Ticks that were not idle, and all ticks, of the first line of /proc/stat.
fn parse_busy(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> =
        line.split_ascii_whitespace().map_while(|tick| tick.parse().ok()).collect();
    // The last two are parts of others.
    let all = ticks.iter().take(8).sum::<u64>();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            ran: self.ran.saturating_sub(before.ran),
            waited: self.waited.saturating_sub(before.waited),
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }
}

impl AddAssign for Cpu {
    fn add_assign(&mut self, other: Self) {
        self.ran += other.ran;
        self.waited += other.waited;
        self.user += other.user;
        self.system += other.system;
    }
}

/// The unit in which Linux reports times, whatever it counts in.
const TICK: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found_whatever_the_process_is_called() {
        let text =
            "4711 (a) S 9 (b) S 42 4711 18395 0 -1 4194304 119 0 0 0 250 31 7 8 20 0 1 0 2499339";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat.parent, 42);
        assert_eq!((stat.user.as_millis(), stat.system.as_millis()), (2_500, 310));
        assert!(Stat::parse("4711 (short) S 42 4711").is_none());
    }

    #[test]
    fn the_schedulers_times_are_nanoseconds() {
        let expected = (Duration::from_nanos(1_500), Duration::from_nanos(7));
        assert_eq!(parse_schedstat("1500 7 3\n"), Some(expected));
        assert_eq!(parse_schedstat("1500\n"), None);
    }

    #[test]
    fn waiting_for_a_disk_is_idle_and_guests_count_once() {
        let text = "cpu  10 1 20 300 40 5 6 7 10 0\ncpu0 1 1 1 1\n";
        assert_eq!(parse_busy(text), Some((49, 389)));
    }

    #[test]
    fn a_process_that_works_is_seen_to_work_and_to_be_ours() {
        let ours = std::process::id();
        let before = of(&[ours]).unwrap();
        let start = std::time::Instant::now();
        while (of(&[ours]).unwrap() - before).ran < Duration::from_millis(30) {
            assert!(start.elapsed() < Duration::from_secs(60), "no time is counted");
        }
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let family = family(ours);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(family.unwrap().contains(&child.id()));
    }
}
