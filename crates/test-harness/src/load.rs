//! The load generator: many cheap subscribers on one thread, and what a process costs meanwhile.

mod idle;
mod opening;
mod process;

pub use idle::idle_bytes;
pub use opening::{Wire, open};
pub use process::{ThreadTimes, anonymous_bytes, raise_descriptor_limit, thread_times};
