//! The configurations of `docs/proxies`, each with the proxy that it is for, in front of the real binary. By night, or by
//! `cargo xtask proxies`, which installs the proxies.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is all it can do"
)]

mod collapsed_polls_cost_few_reads;
mod each_documented_configuration_works;
mod running;
