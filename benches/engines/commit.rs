//! Publishes with a sync for each answer: alone, together, and what the store itself reaches.

use crate::{PAYLOAD_BYTES, draft, now_ms, open};
use futures_util::{StreamExt, stream::FuturesUnordered};
use redb::{Database, TableDefinition};
use std::time::{Duration, Instant};
use tidewire_broker::{ChannelName, Engine, Grant};
use tidewire_engine_log::{LogEngine, Sync};

/// Publishes a second with a sync for each answer: alone, 64 at a time, and the store's own.
pub(crate) fn measure() {
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
    let (began, now_ms) = (Instant::now(), now_ms());
    let (mut answered, mut underway) = (0, FuturesUnordered::new());
    let mut turn = channels.iter().cycle();
    futures_executor::block_on(async {
        while began.elapsed() < time {
            while underway.len() < count {
                let permit = Grant::open().permit(turn.next().unwrap()).unwrap();
                underway.push(engine.publish(permit, draft(), now_ms));
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

const OWN: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("own");
const ROUNDS: u32 = 5;
const TURN: Duration = Duration::from_secs(2);
