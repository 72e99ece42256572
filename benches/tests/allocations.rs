//! How often the hot paths allocate, counted. Apart from the benches: the counting allocator would
//! slow them.

use allocation_counter::measure;
use tidewire_benches::{Audience, MESSAGE_BYTES, channels, follow_from, publish, text};
use tidewire_broker::{Broker, ChannelName, Gathered, Limits, Retention, Rules};
use tidewire_connection::{Format, Framing, Heartbeat, Wire};

const SSE: Wire =
    Wire::Sse { format: Format::Raw, framing: Framing::Chunked, heartbeat: Heartbeat::Block };
const LINES: Wire = Wire::Stream { format: Format::Json, framing: Framing::Chunked };
const WEBSOCKET: Wire = Wire::WebSocket(Format::Raw);
const TIDEWIRE: Wire = Wire::Tidewire;

/// Allocations of the lane that sorts out what was published to `channels`, and of 64 connections that
/// each have a turn to deliver it: 100 times over, after 10 times to warm up.
fn while_delivering(wire: Wire, pattern: &str, channels: &[ChannelName]) -> [u64; 2] {
    let mut audience = Audience::open(wire, &[pattern], 65);
    let mut round = || {
        audience.publish(channels, &text(MESSAGE_BYTES));
        let sorted_out = measure(|| assert!(audience.sort_out_news()));
        // The first has the messages' bytes made.
        let bytes = audience.deliver_to_one().unwrap();
        let delivered = measure(|| assert_eq!(audience.deliver(), bytes * 64));
        [sorted_out, delivered].map(|allocations| allocations.count_total)
    };
    let counted: Vec<[u64; 2]> = (0..110).map(|_| round()).collect();
    counted[10..].iter().fold([0; 2], |[lane, turns], round| [lane + round[0], turns + round[1]])
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
}

#[test]
fn a_delivery_of_what_is_encoded_allocates_nothing() {
    for wire in [SSE, LINES, WEBSOCKET, TIDEWIRE] {
        for count in [1, 30] {
            let channels = vec![channels(1).remove(0); count];
            let allocations = while_delivering(wire, "chat.0", &channels);
            assert_eq!(allocations, [0, 0], "lane and turns, {wire:?} {count}");
        }
    }
}

#[test]
fn a_delivery_of_what_a_pattern_selects_allocates_in_no_turn() {
    for wire in [SSE, WEBSOCKET] {
        for count in [1, 30] {
            // What the lane lists for each reader is not counted.
            let [_, turns] = while_delivering(wire, "chat.*", &channels(count));
            assert_eq!(turns, 0, "{wire:?} {count}");
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
