//! The commands of the binary that are clients: they speak to a server over the network.

mod publish;
mod subscribe;

pub use publish::Publish;
pub use subscribe::Subscribe;
