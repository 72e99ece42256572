//! How often the hot paths allocate, counted. Apart from the benches: the counting allocator would
//! slow them.

use allocation_counter::measure;
use tidewire_benches::{Audience, MESSAGE_BYTES, channels, follow_from, publish, text};
use tidewire_broker::{Broker, ChannelName, Gathered, Limits, Retention, Rules};
use tidewire_connection::{Dialect, Format, Framing, Heartbeat, Wire};

const SSE: Wire =
    Wire::Sse { format: Format::Raw, framing: Framing::Chunked, heartbeat: Heartbeat::Block };
const LINES: Wire = Wire::Stream { format: Format::Json, framing: Framing::Chunked };
const WEBSOCKET: Wire = Wire::WebSocket(Dialect::Raw);
const TIDEWIRE: Wire = Wire::WebSocket(Dialect::Tidewire);

/// Allocations of 64 connections that each send what was published to `channels`, 100 times over,
/// after 10 times to warm up.
fn while_transmitting(wire: Wire, pattern: &str, channels: &[ChannelName]) -> u64 {
    let mut audience = Audience::open(wire, pattern, 64);
    let mut round = || {
        let bytes = audience.publish(channels, &text(MESSAGE_BYTES));
        let allocations = measure(|| assert_eq!(audience.transmit(), bytes * 64));
        allocations.count_total
    };
    let counted: Vec<u64> = (0..110).map(|_| round()).collect();
    counted[10..].iter().sum()
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
}

#[test]
fn sending_what_is_encoded_allocates_nothing() {
    for wire in [SSE, LINES, WEBSOCKET, TIDEWIRE] {
        for count in [1, 30] {
            let channels = vec![channels(1).remove(0); count];
            assert_eq!(while_transmitting(wire, "chat.0", &channels), 0, "{wire:?} {count}");
        }
    }
}

#[test]
fn sending_what_a_pattern_selects_allocates_nothing() {
    for wire in [SSE, WEBSOCKET] {
        for count in [1, 30] {
            assert_eq!(while_transmitting(wire, "chat.*", &channels(count)), 0, "{wire:?} {count}");
        }
    }
}

#[test]
fn a_read_allocates_nothing_however_much_it_finds() {
    let (broker, channels, payload) = (Broker::new(1, Limits::default()), channels(3), text(9));
    channels.iter().cycle().take(3_000).for_each(|channel| publish(&broker, channel, &payload));
    let (mut by_name, mut gathered) = (follow_from(&broker, "chat.0", 0), Gathered::default());
    let mut read = |expected| {
        by_name.gather(&broker, broker.head(), usize::MAX, &mut gathered);
        assert_eq!(gathered.items().len(), expected);
    };
    read(1_000);
    assert_eq!(measure(|| (0..10).for_each(|_| read(1_000))).count_total, 0);
}

#[test]
fn a_publish_into_a_full_log_allocates_for_the_message_alone() {
    let retention = Retention { messages_max: 100, ..Retention::default() };
    let broker = Broker::new(1, Limits { rules: Rules::keeping(retention), ..Limits::default() });
    let (channels, payload) = (channels(1), text(MESSAGE_BYTES));
    let publish = || publish(&broker, &channels[0], &payload);
    (0..200).for_each(|_| publish());
    let allocations = measure(|| (0..100).for_each(|_| publish()));
    // The payload, and the message around it.
    assert_eq!(allocations.count_total, 2 * 100);
}
