//! A delivery: from the lane that sorts out the news to bytes that a socket would take.
//!
//! The turns are the server's, less its sockets and its runtime. Publishing is not counted; making a
//! message's bytes is, once for all subscribers. Apart from the codecs' cases, whose record a bigger
//! program would change.

use std::hint::black_box;
use tidewire_broker::ChannelName;
use tidewire_connection::{Format, Framing, Heartbeat, Wire};
use tidewire_instructions::Audience;

/// One thing to count.
struct Case {
    name: &'static str,
    wire: Wire,
    patterns: fn() -> Vec<String>,
    /// Where each round publishes one message.
    channels: fn() -> Vec<ChannelName>,
    subscribers: usize,
}

const CASES: [Case; 6] = [
    Case {
        name: "delivery by WebSocket",
        wire: WEBSOCKET,
        patterns: by_name,
        channels: || channels(1),
        subscribers: SUBSCRIBERS,
    },
    Case {
        name: "delivery by WebSocket of 10 at once",
        wire: WEBSOCKET,
        patterns: by_name,
        channels: || channels(10),
        subscribers: SUBSCRIBERS,
    },
    Case {
        name: "delivery by SSE",
        wire: SSE,
        patterns: by_name,
        channels: || channels(1),
        subscribers: SUBSCRIBERS,
    },
    Case {
        name: "delivery by SSE of 10 at once",
        wire: SSE,
        patterns: by_name,
        channels: || channels(10),
        subscribers: SUBSCRIBERS,
    },
    Case {
        name: "delivery by SSE to a pattern",
        wire: SSE,
        patterns: || vec!["chat.*".to_owned()],
        channels: || channels(1),
        subscribers: SUBSCRIBERS,
    },
    Case {
        name: "delivery by SSE to 256 patterns",
        wire: SSE,
        patterns: every_pattern,
        channels: || vec![["a"; 8].join(".").parse().unwrap()],
        subscribers: SUBSCRIBERS,
    },
];

fn main() {
    match std::env::args().nth(1) {
        None => CASES.iter().for_each(|case| println!("{},{}", case.name, case.deliveries())),
        Some(name) => {
            let case = CASES.iter().find(|case| case.name == name).expect("the name of a case");
            case.run();
        }
    }
}

impl Case {
    fn deliveries(&self) -> usize {
        ROUNDS * self.subscribers * (self.channels)().len()
    }

    fn run(&self) {
        let patterns = (self.patterns)();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let mut audience = Audience::open(self.wire, &patterns, self.subscribers);
        let (channels, payload) = ((self.channels)(), "x".repeat(PAYLOAD_BYTES));
        for round in 0..WARM_ROUNDS + ROUNDS {
            audience.publish(&channels, &payload);
            let sent = if round < WARM_ROUNDS {
                audience.deliver()
            } else {
                only_this_is_counted(&mut audience)
            };
            assert!(sent > self.subscribers * channels.len() * PAYLOAD_BYTES, "{}", self.name);
        }
    }
}

/// Where counting begins and ends; its name is looked for in the binary.
#[inline(never)]
fn only_this_is_counted(audience: &mut Audience) -> usize {
    let sent = audience.deliver();
    // Something is left to do here, so that the call cannot become a jump.
    black_box(sent)
}

fn by_name() -> Vec<String> {
    vec!["chat.0".to_owned()]
}

/// A list that names one channel `count` times.
fn channels(count: usize) -> Vec<ChannelName> {
    vec!["chat.0".parse().unwrap(); count]
}

/// Each of the 256 patterns of eight tokens that select one channel.
fn every_pattern() -> Vec<String> {
    let token = |bits: u32, at: u32| if bits >> at & 1 == 1 { "*" } else { "a" };
    (0..256).map(|bits| (0..8).map(|at| token(bits, at)).collect::<Vec<_>>().join(".")).collect()
}

const WEBSOCKET: Wire = Wire::WebSocket(Format::Raw);
const SSE: Wire =
    Wire::Sse { format: Format::Raw, framing: Framing::Chunked, heartbeat: Heartbeat::Block };

const SUBSCRIBERS: usize = 200;
const PAYLOAD_BYTES: usize = 128;
const ROUNDS: usize = 50;

/// Rounds after which every buffer has its size.
const WARM_ROUNDS: usize = 10;
