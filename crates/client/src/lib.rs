//! A Rust client for Tidewire: connect, fall back, resume, publish.
