//! Imports that close a cycle among the modules of a crate, and modules that read a clock where time should be
//! a parameter: those that are left, each with its reason. One that is not needed any more is refused.

use super::cycles::Exception;

pub(super) const CYCLES: [Exception; 13] = [
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
