//! The figures of the process, under the names that every Prometheus client library uses.
//!
//! Most are Linux's; elsewhere they are absent.

use super::family::{Family, real};
use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};
use std::fs;

pub(super) fn families(started_ms: u64) -> Vec<Family> {
    let build =
        Family::gauge("tidewire_build_info", "Always 1; the labels say which build this is")
            .with(&[("version", VERSION), ("revision", REVISION.unwrap_or("unknown"))], true);
    let started = Family::gauge(
        "process_start_time",
        "When the process began, in seconds since the Unix epoch",
    )
    .in_seconds()
    .of(real(started_ms) / 1_000.0);
    let mut families = vec![build, started];
    families.extend(getrlimit(Resource::Nofile).current.map(|limit| {
        Family::gauge("process_max_fds", "Files that the process may have open").of(limit)
    }));
    families.extend(open_files().map(|count| {
        Family::gauge("process_open_fds", "Files that the process has open, sockets included")
            .of(count)
    }));
    let stat = fs::read_to_string("/proc/self/stat").ok();
    if let Some(Stat { cpu_ticks, threads, virtual_bytes, resident_pages }) =
        stat.as_deref().and_then(Stat::parse)
    {
        let pages = u64::try_from(page_size()).unwrap_or(0);
        families.extend([
            Family::counter("process_cpu", "Processor time that the process has used")
                .in_seconds()
                .of(real(cpu_ticks) / real(clock_ticks_per_second().max(1))),
            Family::gauge("process_resident_memory", "Memory of the process that is in RAM")
                .in_bytes()
                .of(resident_pages * pages),
            Family::gauge("process_virtual_memory", "Address space of the process")
                .in_bytes()
                .of(virtual_bytes),
            Family::gauge("process_threads", "Threads of the process").of(threads),
        ]);
    }
    families
}

/// What `/proc/self/stat` says, as far as it is of interest ([proc(5)]).
///
/// [proc(5)]: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    /// The name of the program is in parentheses, and may hold some.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // The first field after the name is the third of all.
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// How many files are open. Newer kernels say so at once; otherwise they are counted.
fn open_files() -> Option<u64> {
    match fs::metadata(OPEN_FILES).ok()?.len() {
        0 => u64::try_from(fs::read_dir(OPEN_FILES).ok()?.count()).ok(),
        count => Some(count),
    }
}

const OPEN_FILES: &str = "/proc/self/fd";

/// Of this server.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where it was built from, if the variable was set then.
pub(crate) const REVISION: Option<&str> = option_env!("TIDEWIRE_REVISION");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_moves_no_field() {
        let text = "7 (tide) wire (x) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 555 1000000 321 18446744073709551615\n";
        let expected =
            Stat { cpu_ticks: 300, threads: 9, virtual_bytes: 1_000_000, resident_pages: 321 };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("7 (tidewire) S 1"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn this_process_has_files_and_memory() {
        let names: Vec<String> = families(1).iter().map(Family::name).collect();
        for name in
            ["process_open_fds", "process_resident_memory_bytes", "process_cpu_seconds_total"]
        {
            assert!(names.iter().any(|it| it == name), "{name} in {names:?}");
        }
    }
}
