//! Traces of a server that was built with the feature `opentelemetry`, as a collector receives them. By night, or by
//! `cargo xtask traces`, which builds that server.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is all it can do"
)]

mod a_sampled_publish_has_a_span_for_each_delivery;
mod collector;
