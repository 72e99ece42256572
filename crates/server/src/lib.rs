//! The parts of the Tidewire server.
//!
//! A library only so that they can be tested and documented; the product is the binary beside it.

pub mod allocator;
pub mod commands;
pub mod config;
pub mod in_flight;
pub mod request_log;
pub mod request_turns;
pub mod serve;
pub mod socket;
pub mod takeover;
pub mod terminal;
pub mod tls;

mod access;
mod accounts;
mod admission;
mod api_key_file;
mod clock;
mod connection_kind;
mod connection_log;
mod drain;
mod driver;
mod engine_probe;
mod files;
#[cfg(test)]
mod generated;
mod inquiries;
mod interface;
mod keys;
mod limits;
mod listeners;
pub mod logging;
mod metrics;
mod outstanding;
mod presence;
mod problem;
mod query;
mod ready;
mod reload;
mod renewals;
mod routes;
mod session;
mod storage;
mod subscribed;
mod temporary;
mod tickets;
mod traces;
mod worker_context;
mod worker_loop;
