//! One Tidewire client connection, for every wire, as a pure state machine.
