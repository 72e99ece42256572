//! The load generator: many cheap subscribers on one thread, and what a process costs meanwhile.
//!
//! A subscriber here only finds where each message ends and whether its serial number is the next
//! one, so that one core can take in what another sends.

mod cpu;
mod floor;
mod memory;
mod readers;

pub use cpu::{cpu_time, pinned};
pub use floor::serve_floor;
pub use memory::anonymous_bytes;
pub use readers::{Readers, Tally, Wire, open, payload};
