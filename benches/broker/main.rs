//! The broker: appending messages, waking idle readers, and the one read.

mod append;
mod gather;
mod resume;
mod sleepers;

use criterion::{criterion_group, criterion_main};

criterion_group! {
    name = benches;
    config = tidewire_benches::criterion();
    targets = append::append, sleepers::append, sleepers::wake, gather::channel, gather::pattern, resume::resume
}
criterion_main!(benches);
