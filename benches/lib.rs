//! What the benches share: how long to measure, what is published, and an audience of connections.
//!
//! Apart from the benches because the allocation test asserts on the very same audience.

mod audience;
mod input;

pub use audience::Audience;
pub use input::{MESSAGE_BYTES, channels, follow_from, hand_out, publish, text};

use criterion::Criterion;
use std::time::Duration;

/// Measures each bench for about half a second: enough to read a ratio off.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .nresamples(10_000)
        .configure_from_args()
}
