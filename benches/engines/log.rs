//! The durable engine: group commit beside one publisher and beside the store itself, the start
//! with many messages, and the first message of a resume. `cargo xtask bench log`.
//!
//! Not criterion: each figure is a ratio of two things measured in turns in the same run, or one
//! long operation. Arguments choose parts: `commit`, `start`; `start 1000000` sets the number of messages.

mod commit;
mod filled;
mod resume;

use filled::Filled;
use std::{
    path::Path,
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use tidewire_broker::{Broker, Content, Draft, Limits, Options, Retention, Rules};
use tidewire_engine_log::{LogEngine, Settings, Sync};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let asked = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    if let [part, home, messages, channels] = &*words
        && part == filled::FILL
    {
        return filled::fill(Path::new(home), messages.parse().unwrap(), channels.parse().unwrap());
    }
    if asked("commit") {
        commit::measure();
    }
    if asked("start") {
        let many = words.iter().find_map(|word| word.parse().ok()).unwrap_or(10_000_000);
        let stores = [Filled::new(10_000, 100), Filled::new(many, 100_000)];
        let opened = stores.each_ref().map(start);
        resume::measure(&stores, opened.each_ref().map(|(_engine, broker)| broker));
        drop(opened);
        resume::measure_over_http(&stores);
    }
}

/// Opens a store, and says how long that took and what it holds then.
fn start(store: &Filled) -> (LogEngine, Broker) {
    let (before, began) = (resident_bytes(), Instant::now());
    let (engine, broker) = open(store.home.path(), Sync::Always);
    let opened = began.elapsed();
    assert_eq!(broker.head(), store.messages);
    let held = (resident_bytes() - before) as f64 / 1e6;
    println!("{:8} messages opened in {opened:8.1?}, {held:.0} MB of memory", store.messages);
    (engine, broker)
}

fn open(directory: &Path, sync: Sync) -> (LogEngine, Broker) {
    let retention = Retention { age_max_ms: u64::MAX, ..Retention::default() };
    let options = Options { retention, ..Options::default() };
    let limits = Limits { rules: Rules::all(options), ..Limits::default() };
    let settings = Settings { sync, limits, ..Settings::default() };
    LogEngine::open(directory, settings, EPOCH).unwrap()
}

fn draft() -> Draft {
    Draft::new(Content::Text("x".repeat(PAYLOAD_BYTES).into()))
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

/// Any will do.
const EPOCH: u64 = 7;
const PAYLOAD_BYTES: usize = 128;
