//! The embedded durable engine: publishers that wait share one sync, and what was answered is there
//! again after a crash.
//!
//! [`LogEngine::open`] gives the engine, to publish through, and the broker, to read from. One
//! thread validates, orders and commits; the broker keeps the newest messages in memory and reads
//! the rest back from the store.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod clock;
mod errors;
mod metrics;
mod settings;

mod disk;
mod identity;
mod pending;
mod store;

mod channels;
mod layout;
mod log_throttle;
mod order;
mod record;

mod archive;
mod backup;
mod cold;
mod commit_state;
mod totals;

mod batch;
mod committer;
mod conversion;
mod copies;
mod eviction;
mod ids;
mod opening;
mod queue;
mod rebuilding;
mod retention;
mod sync_timer;

mod engine;

#[cfg(test)]
mod inspection;

pub use backup::{Backup, DataError, Restored, begin_new_epoch, restore};
pub use disk::Disk;
pub use engine::LogEngine;
pub use errors::OpenError;
pub use identity::{Generation, Identity};
pub use metrics::{LogStats, Timings};
pub use settings::{Settings, Sync};
pub use store::Disks;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
