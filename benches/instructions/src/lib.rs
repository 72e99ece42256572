//! The subscribers that the benches have too, from the same file: neither package may import the other.

#[path = "../../audience.rs"]
mod audience;

pub use audience::Audience;
