//! What a delivery touches in memory, in cache lines, where nothing is left in a cache from the turn before.
//!
//! A write to a socket runs through some hundred kilobytes of the kernel's code and data, so what a turn
//! touches after it, it fetches from far away: that, not its instructions, is most of its time. Here what
//! stands for the socket empties the simulated cache. Each turn then misses once for each line that it
//! touches before the write, and once for each that it touches after it. Of deliveries that share a batch, once
//! for each line that they touch together.

use std::hint::black_box;
use tidewire_broker::ChannelName;
use tidewire_connection::{Format, Framing, Heartbeat, Wire};
use tidewire_instructions::Audience;

/// One thing to count.
struct Case {
    name: &'static str,
    wire: Wire,
    pattern: &'static str,
}

const CASES: [Case; 4] = [
    Case {
        name: "100 deliveries by WebSocket",
        wire: Wire::WebSocket(Format::Raw),
        pattern: "chat.0",
    },
    Case { name: "100 deliveries by tidewire.v1", wire: Wire::Tidewire, pattern: "chat.0" },
    Case { name: "100 deliveries by SSE", wire: SSE, pattern: "chat.0" },
    Case { name: "100 deliveries by SSE to a pattern", wire: SSE, pattern: "chat.*" },
];

fn main() {
    match std::env::args().nth(1) {
        None => CASES.iter().for_each(|case| println!("{},{}", case.name, HUNDREDS)),
        Some(name) => {
            let case = CASES.iter().find(|case| case.name == name).expect("the name of a case");
            case.run();
        }
    }
}

impl Case {
    fn run(&self) {
        let channels: [ChannelName; 1] = ["chat.0".parse().unwrap()];
        let mut audience = Audience::open(self.wire, &[self.pattern], SUBSCRIBERS);
        let others = vec![1; EVICTED_BYTES];
        for round in 0..WARM_ROUNDS + ROUNDS {
            audience.publish(&channels, &"x".repeat(PAYLOAD_BYTES));
            let sent = if round < WARM_ROUNDS {
                audience.deliver()
            } else {
                only_this_is_counted(&mut audience, &others)
            };
            assert!(sent > SUBSCRIBERS * PAYLOAD_BYTES, "{}", self.name);
        }
    }
}

/// Where counting begins and ends; its name is looked for in the binary.
#[inline(never)]
fn only_this_is_counted(audience: &mut Audience, others: &[u8]) -> usize {
    let sent = audience.deliver_to(|bytes| this_is_not_counted(bytes, others));
    // Something is left to do here, so that the call cannot become a jump.
    black_box(sent)
}

/// Where counting pauses, which likewise goes by the name: empties the cache by filling it with `others`.
#[inline(never)]
fn this_is_not_counted(bytes: &[u8], others: &[u8]) {
    black_box(bytes);
    let sum: usize = others.iter().step_by(LINE_BYTES).map(|byte| usize::from(*byte)).sum();
    black_box(sum);
}

const SSE: Wire =
    Wire::Sse { format: Format::Raw, framing: Framing::Chunked, heartbeat: Heartbeat::Block };

const SUBSCRIBERS: usize = 200;
const PAYLOAD_BYTES: usize = 128;
const ROUNDS: usize = 10;
const HUNDREDS: usize = ROUNDS * SUBSCRIBERS / 100;

/// Rounds after which every buffer has its size.
const WARM_ROUNDS: usize = 10;

/// Twice the simulated cache, which `cargo xtask instructions` chooses.
const EVICTED_BYTES: usize = 128 << 10;

/// Of the simulated caches, as of most processors.
const LINE_BYTES: usize = 64;
