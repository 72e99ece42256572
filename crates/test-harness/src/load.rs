//! The load generator: many cheap subscribers on one thread, and what a process costs meanwhile.

mod drain;
mod idle;
mod opening;
mod process;

pub use drain::{Drain, Drained};
pub use idle::{idle_bytes, idle_bytes_over_http2, idle_bytes_over_tls};
pub use opening::{Wire, open, open_over};
pub use process::{ThreadTimes, anonymous_bytes, raise_descriptor_limit, thread_times};
