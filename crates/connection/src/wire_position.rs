//! Positions: the broker's, and the protocol's, which have a text.

use tidewire_broker::Position;
use tidewire_protocol as protocol;

/// The broker's position as the protocol writes it.
pub fn to_wire(position: Position) -> protocol::Position {
    protocol::Position { epoch: position.epoch, offset: position.offset }
}

/// The position that a client has given.
pub(crate) fn from_wire(position: protocol::Position) -> Position {
    Position { epoch: position.epoch, offset: position.offset }
}
