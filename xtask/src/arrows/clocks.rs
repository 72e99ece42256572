//! Which crates read no clock, and which one of their modules may.

use std::collections::BTreeSet;

/// Those that take the time as a parameter.
const WITHOUT_CLOCK: [&str; 9] = [
    "tidewire-sse",
    "tidewire-ws",
    "tidewire-names",
    "tidewire-protocol",
    "tidewire-broker",
    "tidewire-tokens",
    "tidewire-client-address",
    "tidewire-connection",
    "tidewire-engine-log",
];

/// Crates of these that have threads of their own, or an adapter for a runtime: the one module that gives them the time.
const CLOCKS: [(&str, &str); 2] =
    [("tidewire-engine-log", "clock"), ("tidewire-sse", "source::reqwest")];

/// One line for each module of `package` among those `reading` a clock that has to be given the time, and for one that
/// may read it and does not.
pub(super) fn check(package: &str, reading: &BTreeSet<String>) -> Vec<String> {
    if !WITHOUT_CLOCK.contains(&package) {
        return Vec::new();
    }
    let clock = CLOCKS.iter().find(|(owner, _)| *owner == package).map(|(_, module)| *module);
    let refused = reading.iter().filter(|module| clock != Some(module.as_str()));
    let refused = refused
        .map(|module| format!("{package}: {module} reads a clock; time is a parameter there"));
    let unneeded = clock.into_iter().filter(|module| !reading.contains(*module));
    let unneeded = unneeded
        .map(|module| format!("{package}: {module} reads no clock; it needs no place in CLOCKS"));
    refused.chain(unneeded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(package: &str, reading: &[&str]) -> Vec<String> {
        check(package, &reading.iter().map(|module| (*module).to_owned()).collect())
    }

    #[test]
    fn one_module_of_an_engine_gives_the_time_and_no_other_reads_it() {
        assert_eq!(findings("tidewire-engine-log", &["clock"]), [""; 0]);
        assert_eq!(
            findings("tidewire-engine-log", &["clock", "store"]),
            ["tidewire-engine-log: store reads a clock; time is a parameter there"]
        );
        assert_eq!(
            findings("tidewire-engine-log", &[]),
            ["tidewire-engine-log: clock reads no clock; it needs no place in CLOCKS"]
        );
    }

    #[test]
    fn other_crates_that_take_the_time_have_no_such_module() {
        assert_eq!(findings("tidewire-broker", &["clock"]).len(), 1);
        assert_eq!(findings("tidewire", &["clock"]), [""; 0]);
    }
}
