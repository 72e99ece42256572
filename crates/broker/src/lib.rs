//! The Tidewire broker: one ordered log, channels as filters, subscribers as cursors.
