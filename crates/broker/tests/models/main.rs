//! The broker under a scheduler that tries orders: what races here does so on purpose.
//!
//! Built by `cargo xtask models` alone, with `--cfg shuttle`: then every lock, atomic and queue of
//! the crate is a place at which another thread may go first. A failure prints its schedule. Orders
//! of memory weaker than sequential are not tried.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::as_conversions)]

#[path = "../common/common.rs"]
mod common;
#[path = "../common/keyed.rs"]
mod keyed;
mod sleeper;
#[path = "../common/slow.rs"]
mod slow;
#[path = "../common/test_archive.rs"]
mod test_archive;

mod a_follower_misses_nothing_published_meanwhile;
mod a_key_never_vanishes_while_it_is_superseded;
mod a_loss_is_reported_before_the_message_is_gone;
mod nobody_sleeps_on;
mod what_the_head_covers_can_be_read;

use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler},
};

/// Runs a model in many orders: such as chance makes, and such as a few switches at the worst
/// moments make.
fn explore(model: impl Fn() + Copy + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.silence_warnings = true;
    let orders = std::env::var("TIDEWIRE_MODEL_ORDERS");
    let orders = orders.map_or(ORDERS, |said| said.parse().expect("a number of orders"));
    Runner::new(RandomScheduler::new(orders), config.clone()).run(model);
    Runner::new(PctScheduler::new(SWITCHES, orders), config).run(model);
}

/// Of each kind; `cargo xtask models --orders N` tries more.
const ORDERS: usize = 400;
const SWITCHES: usize = 3;
const STACK_BYTES: usize = 256 << 10;
