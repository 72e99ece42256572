//! The durable engine: group commit beside one publisher and beside the store itself, the start
//! with many messages, and the first message of a resume. `cargo xtask bench log`.
//!
//! Not criterion: each figure is a ratio of two things measured in turns in the same run, or one
//! long deed. Arguments choose parts: `commit`, `start`; `start 1000000` with so many messages.

use futures_util::{StreamExt, stream::FuturesUnordered};
use redb::{Database, TableDefinition};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tidewire_broker::{
    Broker, ChannelName, Content, Draft, Engine, Gathered, Grant, Limits, Options, Position,
    Reader, Retention, Rules, Start,
};
use tidewire_engine_log::{LogEngine, Settings, Sync};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let asked = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    if let [part, home, messages, channels] = &*words
        && part == FILL
    {
        return fill(Path::new(home), messages.parse().unwrap(), channels.parse().unwrap());
    }
    if asked("commit") {
        commit();
    }
    if asked("start") {
        let many = words.iter().find_map(|word| word.parse().ok()).unwrap_or(10_000_000);
        let few = start(10_000, 100);
        let many = start(many, 100_000);
        println!("resume, many beside few          {:8.2} times", ratio(many, few));
    }
}

/// Publishes a second with a sync for each answer: alone, 64 at a time, and the store's own.
fn commit() {
    let home = tempfile::tempdir().unwrap();
    let (engine, _broker) = open(&home.path().join("log"), Sync::Always);
    let own = Database::create(home.path().join("own.redb")).unwrap();
    let (mut alone, mut together, mut raw, mut offset) = (0, 0, 0, 0);
    for _ in 0..ROUNDS {
        alone += publish(&engine, 1, TURN);
        together += publish(&engine, 64, TURN);
        raw += write_own(&own, &mut offset, TURN);
    }
    let seconds = (TURN * ROUNDS).as_secs_f64();
    let rate = |count: u64| count as f64 / seconds;
    println!("publish, 1 at a time             {:8.0} a second", rate(alone));
    println!("publish, 64 at a time            {:8.0} a second", rate(together));
    println!("the store's own, 64 a sync       {:8.0} a second", rate(raw));
    println!("64 beside 1                      {:8.1} times", rate(together) / rate(alone));
    println!("64 beside the store's own        {:8.2} times", rate(together) / rate(raw));
}

/// Keeps `count` publishes under way into 1,000 channels, and returns how many were answered.
fn publish(engine: &LogEngine, count: usize, time: Duration) -> u64 {
    let channels: Vec<ChannelName> =
        (0..1_000).map(|number| format!("c{number}").parse().unwrap()).collect();
    let (began, mut answered, mut underway) = (Instant::now(), 0, FuturesUnordered::new());
    let mut turn = channels.iter().cycle();
    futures_executor::block_on(async {
        while began.elapsed() < time {
            while underway.len() < count {
                let permit = Grant::open().permit(turn.next().unwrap()).unwrap();
                underway.push(engine.publish(permit, draft(), 1));
            }
            underway.next().await.unwrap().unwrap();
            answered += 1;
        }
        while underway.next().await.is_some() {}
    });
    answered
}

/// Writes 64 rows a transaction, each waited for, and returns how many rows that were.
fn write_own(own: &Database, offset: &mut u64, time: Duration) -> u64 {
    let (began, from) = (Instant::now(), *offset);
    while began.elapsed() < time {
        let write = own.begin_write().unwrap();
        let mut rows = write.open_table(OWN).unwrap();
        for _ in 0..64 {
            rows.insert((*offset % 1_000, *offset), [7; PAYLOAD_BYTES].as_slice()).unwrap();
            *offset += 1;
        }
        drop(rows);
        write.commit().unwrap();
    }
    *offset - from
}

/// Opens a store of so many messages and resumes in it; returns the median of the first message.
fn start(messages: u64, channels: u64) -> Duration {
    let home = tempfile::tempdir().unwrap();
    let began = Instant::now();
    fill_elsewhere(home.path(), messages, channels);
    println!("{messages} messages written in         {:8.1?}", began.elapsed());
    let (before, began) = (resident_bytes(), Instant::now());
    let (_engine, broker) = open(home.path(), Sync::Always);
    let opened = began.elapsed();
    assert_eq!(broker.head(), messages);
    let held = (resident_bytes() - before) as f64 / 1e6;
    println!("{messages} messages opened in          {opened:8.1?}, {held:.0} MB of memory");
    let mut times: Vec<Duration> =
        (0..1_001).map(|round| resume(&broker, round, channels)).collect();
    times.sort();
    println!("first message of a resume        {:8.1?}", times[500]);
    times[500]
}

/// Fills a store in a process of its own, so that what that held is not counted here.
fn fill_elsewhere(home: &Path, messages: u64, channels: u64) {
    let mut filling = Command::new(std::env::current_exe().unwrap());
    filling.arg(FILL).arg(home).args([messages.to_string(), channels.to_string()]);
    assert!(filling.status().unwrap().success(), "the store was not filled");
}

/// Publishes to the channels in turn, some messages each time.
fn fill(home: &Path, messages: u64, channels: u64) {
    let (engine, _broker) = open(home, Sync::Never);
    let names: Vec<ChannelName> =
        (0..channels).map(|number| format!("room.{number}").parse().unwrap()).collect();
    let mut underway = FuturesUnordered::new();
    futures_executor::block_on(async {
        for number in 0..messages {
            let name = &names[usize::try_from(number / RUN % channels).unwrap()];
            underway.push(engine.publish(Grant::open().permit(name).unwrap(), draft(), 1));
            if underway.len() >= 4_096 {
                underway.next().await.unwrap().unwrap();
            }
        }
        while let Some(answer) = underway.next().await {
            answer.unwrap();
        }
    });
}

/// From following at a place in the middle of a channel's past to its next message.
fn resume(broker: &Broker, round: u64, channels: u64) -> Duration {
    let pattern = format!("room.{}", round * 7_919 % channels).parse().unwrap();
    let place = Position { epoch: broker.epoch(), offset: broker.head() / 2 };
    let (began, mut reader) = (Instant::now(), Reader::default());
    let mut gathered = Gathered::default();
    reader.follow(broker, &[pattern], Start::After(place));
    reader.gather(broker, broker.head(), 1, &mut gathered);
    let took = began.elapsed();
    assert_eq!(gathered.messages().count(), 1);
    took
}

fn open(directory: &Path, sync: Sync) -> (LogEngine, Broker) {
    let retention = Retention { age_max_ms: u64::MAX, ..Retention::default() };
    let options = Options { retention, ..Options::default() };
    let limits = Limits { rules: Rules::all(options), ..Limits::default() };
    LogEngine::open(directory, Settings { sync, limits, ..Settings::default() }, 1).unwrap()
}

fn draft() -> Draft {
    Draft::new(Content::Binary([7; PAYLOAD_BYTES].into()))
}

fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

const OWN: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("own");
const FILL: &str = "fill";
const PAYLOAD_BYTES: usize = 128;

/// Messages that a channel gets in a row while a store is filled.
const RUN: u64 = 10;
const ROUNDS: u32 = 5;
const TURN: Duration = Duration::from_secs(2);
