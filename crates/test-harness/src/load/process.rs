//! What a process has cost so far, as the kernel counts it.

use anyhow::{Context as _, Result};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{collections::HashMap, ffi::OsString, fs, time::Duration};

/// What a thread has had of the processors, as the scheduler counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadTimes {
    /// On one of them.
    pub ran: Duration,
    /// Ready to run, while others did.
    pub waited: Duration,
}

/// The times of each thread of a process, by its number.
///
/// # Errors
///
/// There is no such process.
pub fn thread_times(process: u32) -> Result<HashMap<OsString, ThreadTimes>> {
    let threads = fs::read_dir(format!("/proc/{process}/task"))?;
    let times = threads.map(|thread| {
        let thread = thread?;
        let statistics = fs::read_to_string(thread.path().join("schedstat"))?;
        let mut fields = statistics.split_whitespace().map(str::parse);
        let mut next = || Ok::<_, anyhow::Error>(fields.next().context("schedstat is short")??);
        let (ran, waited) = (Duration::from_nanos(next()?), Duration::from_nanos(next()?));
        Ok((thread.file_name(), ThreadTimes { ran, waited }))
    });
    times.collect()
}

/// Resident memory that no file backs, in bytes: what a process has asked for and touched.
///
/// # Errors
///
/// The process is gone, or the kernel does not report it.
pub fn anonymous_bytes(process: u32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find(|line| line.starts_with("Anonymous:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.context("the kernel reports no anonymous memory")?.parse::<u64>()? << 10)
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
