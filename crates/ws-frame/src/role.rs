//! The two sides of a connection, which mask differently.

/// Which side of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Receives masked frames, sends plain ones.
    Server,
    /// Receives plain frames, sends masked ones.
    Client,
}
