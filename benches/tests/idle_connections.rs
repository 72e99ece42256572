//! What an idle connection costs in memory, counted by the allocator: less the socket and its task,
//! which `an_idle_subscriber_costs_little` of the end-to-end tests measures with all else.

use allocation_counter::measure;
use tidewire_benches::{Audience, MESSAGE_BYTES, channels, text};
use tidewire_connection::{Connection, Format, Framing, Heartbeat, Wire};

const WIRES: [Wire; 4] = [
    Wire::Sse { format: Format::Raw, framing: Framing::Chunked, heartbeat: Heartbeat::Block },
    Wire::Stream { format: Format::Json, framing: Framing::Chunked },
    Wire::WebSocket(Format::Raw),
    Wire::Tidewire,
];

/// Bytes that stay allocated, for each of the connections that are opened, and after a delivery.
fn bytes_each(wire: Wire) -> (i64, i64) {
    let count = i64::try_from(CONNECTIONS).unwrap();
    let (mut audience, channels) = (None, channels(1));
    let opened = measure(|| audience = Some(Audience::open(wire, &["chat.0"], CONNECTIONS)));
    let mut audience = audience.unwrap();
    let delivered = measure(|| {
        audience.publish(&channels, &text(MESSAGE_BYTES));
        assert!(audience.deliver() > CONNECTIONS * MESSAGE_BYTES);
    });
    let opened = opened.bytes_current / count;
    (opened, opened + delivered.bytes_current / count)
}

#[test]
fn an_idle_connection_holds_less_than_a_kilobyte_before_and_after_a_delivery() {
    let all = WIRES.map(bytes_each);
    for (wire, (opened, delivered)) in WIRES.into_iter().zip(all) {
        assert!(opened.max(delivered) <= BYTES_MAX, "{wire:?}, bytes of all: {all:?}");
        // Or the counter does not count.
        assert!(usize::try_from(opened).unwrap() >= size_of::<Connection>(), "{wire:?}: {opened}");
    }
}

const CONNECTIONS: usize = 1_000;

/// A little above what the dearest wire takes, which is 624.
const BYTES_MAX: i64 = 640;
