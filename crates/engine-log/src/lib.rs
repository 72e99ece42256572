//! The embedded durable engine.

mod disk;
mod errors;
mod pending;
mod record;
mod store;

pub use disk::Disk;
pub use errors::OpenError;
