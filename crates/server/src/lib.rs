//! The parts of the Tidewire server.
//!
//! A library only so that they can be tested and documented; the product is the binary beside it.

pub mod takeover;
