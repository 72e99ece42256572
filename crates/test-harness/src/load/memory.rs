//! How much memory a process has to itself.

use anyhow::{Context as _, Result};
use std::fs;

/// Resident memory that no file backs, in bytes: what a process has asked for and touched.
///
/// # Errors
///
/// The process is gone, or the kernel does not tell.
pub fn anonymous_bytes(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"));
    let kib: u64 = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .context("no anonymous memory is told")?
        .trim()
        .parse()?;
    Ok(kib << 10)
}
