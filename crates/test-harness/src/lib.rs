//! What proves Tidewire: clients in worlds of faults, attacks, crashes, a fault proxy, a seeded simulation, checkers, a load generator.

pub mod clients;
pub mod crash;
pub mod hostile;
pub mod http2;
pub mod interop;
pub mod load;
pub mod peers;
pub mod proxy;
pub mod server;
pub mod simulation;
pub mod tls;
