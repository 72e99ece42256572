//! What a Tidewire client and server say to each other: JSON shapes, positions, error and close codes.
