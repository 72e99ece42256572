//! What a process has cost so far, and where it may run.

use anyhow::{Context as _, Result};
use std::{fs, process::Command, time::Duration};

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

/// A command that runs on one processor only.
pub fn pinned(processor: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(processor.to_string()).arg(program);
    command
}
