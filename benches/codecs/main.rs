//! Both codecs, each case beside the least possible work with the same bytes.

mod events;
mod floor;
mod websocket;

use criterion::{criterion_group, criterion_main};

criterion_group! {
    name = benches;
    config = tidewire_benches::criterion();
    targets = websocket::decode, websocket::decode_reads, websocket::encode, events::parse, events::encode
}
criterion_main!(benches);
