//! How a server has the C library's allocator keep memory.
//!
//! glibc maps a large block on its own, and unmaps it when it is freed, but only blocks of more than a threshold, which it
//! raises to the size of each such block that is freed, up to 32 MiB. After the first few large messages all others
//! come from the heap, where freed memory stays with the process as long as something in use lies after it. A threshold
//! that is given at the start of a process stays as it is. The only way to give it without unsafe code is by the environment.

#[cfg(any(test, all(target_os = "linux", target_env = "gnu")))]
use std::ffi::OsString;

/// Has the allocator keep its thresholds: runs the program again with the variables for that, unless they are given.
///
/// Returns if there is nothing to do, and also if the program cannot be run again: then more memory stays with the process
/// after a peak.
pub fn keep_thresholds() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if wants_variables(|name| std::env::var_os(name)) {
        use std::os::unix::process::CommandExt as _;
        let Ok(program) = std::env::current_exe() else { return };
        let mut command = std::process::Command::new(program);
        let mut arguments = std::env::args_os();
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        let error = command.args(arguments).envs(VARIABLES).exec();
        tracing::debug!(%error, "more memory than necessary is kept after a peak");
    }
}

/// Whether the thresholds are not decided yet, neither by this program nor by the one that started it.
#[cfg(any(test, all(target_os = "linux", target_env = "gnu")))]
fn wants_variables(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_tuned = variable("GLIBC_TUNABLES")
        .is_some_and(|tunables| tunables.to_string_lossy().contains("glibc.malloc."));
    !is_tuned && VARIABLES.iter().all(|(name, _)| variable(name).is_none())
}

/// Blocks from 128 KiB on are mapped, which takes some ten microseconds for each; what is free at the end of the heap goes
/// back if it is more than a megabyte.
#[cfg(any(test, all(target_os = "linux", target_env = "gnu")))]
const VARIABLES: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "1048576")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_has_decided_is_left_alone() {
        let with = |known: &'static str, value: &'static str| {
            wants_variables(move |name| (name == known).then(|| value.into()))
        };
        assert!(with("PATH", "/bin") && with("GLIBC_TUNABLES", "glibc.cpu.x86_shstk=on"));
        assert!(!with("MALLOC_TRIM_THRESHOLD_", "1") && !with("MALLOC_MMAP_THRESHOLD_", ""));
        assert!(!with("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=65536"));
        // Or it would be run again without end.
        let ours = |name: &str| VARIABLES.iter().find(|(known, _)| *known == name);
        assert!(!wants_variables(|name| ours(name).map(|(_, value)| value.into())));
    }
}
