//! What proves Tidewire: a fault proxy, a seeded simulation, checkers, and a load generator.

pub mod load;
pub mod peers;
pub mod proxy;
pub mod server;
pub mod simulation;
