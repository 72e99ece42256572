//! Where a message stands in the one order: an epoch and an offset.

/// A place in a broker's sequence: everything up to and including `offset` lies before it.
///
/// Offsets begin at 1 and never repeat within an epoch; offset 0 is the place before the first
/// message. Positions of different epochs have no order, so the type has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Changes whenever the order cannot be continued, as when a memory broker restarts.
    pub epoch: u64,
    /// How many messages the broker had ordered, in all channels, up to here.
    pub offset: u64,
}
