//! What a process has cost so far, as the kernel counts it.

use anyhow::{Context as _, Result};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{fs, time::Duration};

/// The time all threads of a process have spent on a processor, as the scheduler counts it.
///
/// # Errors
///
/// There is no such process.
pub fn cpu_time(process: u32) -> Result<Duration> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        let running = statistics.split(' ').next().context("schedstat is empty")?;
        total += running.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}

/// Resident memory that no file backs, in bytes: what a process has asked for and touched.
///
/// # Errors
///
/// The process is gone, or the kernel does not tell.
pub fn anonymous_bytes(process: u32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find(|line| line.starts_with("Anonymous:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.context("no anonymous memory is told")?.parse::<u64>()? << 10)
}

/// Lets this process open as many files as it may.
///
/// # Errors
///
/// The system would not.
pub fn raise_descriptor_limit() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
