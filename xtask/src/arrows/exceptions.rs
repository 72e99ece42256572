//! Imports that close a cycle among the modules of a crate, and modules that read a clock where time should be
//! a parameter: those that are left, each with its reason. One that is not needed any more is refused.

use super::cycles::Exception;

pub(super) const CYCLES: [Exception; 22] = [
    import(
        "tidewire-broker",
        "broker",
        "presence_buffer",
        "the broker keeps the buffer, which publishes through it",
    ),
    import(
        "tidewire-broker",
        "channel",
        "broker",
        "the part of the broker that all its modules share lies in `broker`",
    ),
    import(
        "tidewire-broker",
        "cursor",
        "gather",
        "a cursor says its gap as an item of what is gathered",
    ),
    import("tidewire-broker", "cursor", "news", "a cursor knows where the news finds it"),
    import(
        "tidewire-broker",
        "gather",
        "live",
        "reading one channel in memory is a way of gathering",
    ),
    import("tidewire-broker", "lane", "broker", "a lane registers itself with the broker"),
    import(
        "tidewire-broker",
        "lane",
        "lanes",
        "a lane gives its number back to the list of lanes, which opens it",
    ),
    import("tidewire-broker", "lanes", "broker", "the list of lanes opens a lane of the broker"),
    import(
        "tidewire-broker",
        "message",
        "archive",
        "a message is made from an entry of the archive",
    ),
    import(
        "tidewire-broker",
        "message",
        "sequencer",
        "a message gives its bytes back to the gauge in `sequencer`",
    ),
    import(
        "tidewire-broker",
        "append_error",
        "options",
        "an error names the publishers that the options allow",
    ),
    import(
        "tidewire-broker",
        "stretch",
        "broker",
        "the part of the broker that all its modules share lies in `broker`",
    ),
    import(
        "tidewire-broker",
        "sweep",
        "broker",
        "the part of the broker that all its modules share lies in `broker`",
    ),
    import(
        "tidewire-test-harness",
        "hostile::attacker",
        "hostile::attack",
        "attackers use the scale of the attack",
    ),
    import(
        "tidewire-test-harness",
        "simulation::client",
        "simulation::members",
        "a client checks the members that it lists",
    ),
    import(
        "tidewire-test-harness",
        "simulation::client",
        "simulation::opening",
        "a client opens its sessions",
    ),
    import(
        "tidewire-test-harness",
        "simulation::history",
        "simulation::model_outcome",
        "the history spells the codes of outcomes",
    ),
    import(
        "tidewire-test-harness",
        "simulation::program",
        "simulation::world",
        "a program reads the world's clock",
    ),
    import(
        "tidewire-test-harness",
        "simulation::session",
        "simulation::opening",
        "a session keeps the request that opened it",
    ),
    import(
        "tidewire-test-harness",
        "simulation::workload",
        "simulation::opening",
        "the workload opens sessions",
    ),
    import(
        "tidewire-test-harness",
        "simulation::world",
        "simulation::presence",
        "the world keeps what it knows of presence",
    ),
    import(
        "tidewire-test-harness",
        "simulation::world",
        "simulation::presence_publisher",
        "the world keeps the publisher of presence",
    ),
];

/// Crate and module.
pub(super) const CLOCKS: [(&str, &str); 1] = [
    // The engine's threads wait for deadlines and retry by themselves. They ask this module, and pass the time on.
    ("tidewire-engine-log", "clock"),
];

/// An import that is still there, and why.
const fn import(
    package: &'static str,
    from: &'static str,
    to: &'static str,
    reason: &'static str,
) -> Exception {
    Exception { package, from, to, reason }
}
