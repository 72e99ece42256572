//! The load generator: many cheap subscribers on one thread, and what a process costs meanwhile.
//!
//! A subscriber here only finds where each message ends and whether its serial number is the next
//! one, so that one core can take in what another sends.

mod baseline;
mod floor;
mod idle;
mod process;
mod readers;

pub use baseline::serve_actix_ws;
pub use floor::serve_floor;
pub use idle::idle_bytes;
pub use process::{
    ThreadTimes, anonymous_bytes, cpu_time, raise_descriptor_limit, thread_times, user_time,
};
pub use readers::{Readers, Tally, Wire, open, payload};
