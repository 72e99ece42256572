//! Publishers that send more than their share, in batches.

use crate::hostile::attacker::{Aftermath, Target, ask, batch, get};
use anyhow::Result;
use std::time::Duration;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::TcpStream,
    task::{JoinHandle, spawn_local},
    time::{interval, sleep, timeout},
};

/// Each id is new. There are enough channels that no id is evicted for another.
pub(in crate::hostile) async fn ids(target: Target) -> Result<Aftermath> {
    let mut socket = target.connect().await?;
    let (mut sent, mut refused, mut faults) = (0, 0, Vec::new());
    let name = target.random.clone().u32(..);
    let wanted = target.count(1_008_000);
    while sent < wanted && !target.is_given_up() {
        let messages = (sent..sent + IDS_BATCH).map(|id| {
            let channel = id / IDS_EACH;
            format!(r#"{{"channel":"ids.{channel}","data":1,"message_id":"{name}-{id}"}}"#)
        });
        let (status, body) = ask(&mut socket, &batch(messages)).await?;
        sent += IDS_BATCH;
        let body = String::from_utf8_lossy(&body);
        refused += body.matches("\"error\"").count();
        if status != 200 && status != 429 {
            faults.push(format!("answered with {status}"));
            break;
        }
        if refused >= REFUSED_ENOUGH {
            break;
        }
    }
    Ok(Aftermath { note: format!("{sent} ids, {refused} refused"), faults, held: vec![socket] })
}

/// Values go only when a newer one of their key comes, and none does: what finds no room is refused.
pub(in crate::hostile) async fn values(target: Target) -> Result<Aftermath> {
    let mut socket = target.connect().await?;
    let (mut sent, mut refused, mut faults) = (0, 0, Vec::new());
    let value = "x".repeat(VALUE_BYTES);
    while sent < target.count(1 << 20) && refused < REFUSED_ENOUGH && !target.is_given_up() {
        let messages = (sent..sent + VALUES_BATCH).map(|key| {
            let channel = key % 7;
            format!(r#"{{"channel":"value.{channel}","key":"{key}","data":"{value}"}}"#)
        });
        let (status, body) = ask(&mut socket, &batch(messages)).await?;
        sent += VALUES_BATCH;
        refused += String::from_utf8_lossy(&body).matches("\"state_full\"").count();
        if status != 200 {
            faults.push(format!("answered with {status}"));
            break;
        }
    }
    Ok(Aftermath { note: format!("{sent} values, {refused} refused"), faults, held: vec![socket] })
}

/// Each answer is ten times as long as its batch.
pub(in crate::hostile) async fn batches(target: Target) -> Result<Aftermath> {
    let request = batch((0..BATCH_MESSAGES_MAX).map(|_| r#"{"channel":"!"}"#.to_owned()));
    let mut held = Vec::new();
    while held.len() < target.count_to_fill(400) && !target.is_given_up() {
        let mut socket = target.connect().await?;
        target.write(&mut socket, &request).await;
        held.push(socket);
    }
    let note = format!("{} x {} KB", held.len(), request.len() >> 10);
    Ok(Aftermath { held, note, faults: Vec::new() })
}

pub(in crate::hostile) async fn unread(mut target: Target) -> Result<Aftermath> {
    let mut held = target.connect_each(target.count(1_000), &get("/events?channel=%3E")).await?;
    // They follow once the server has taken their requests.
    sleep(Duration::from_millis(200)).await;
    target.begin();
    let (batches, socket) = flood(&target, 9_900, Duration::from_millis(1)).await?;
    let note = format!("{batches} batches");
    held.push(socket);
    Ok(Aftermath { held, note, faults: Vec::new() })
}

pub(in crate::hostile) async fn wide(mut target: Target) -> Result<Aftermath> {
    let mut readers = Vec::new();
    for _ in 0..target.count(200) {
        let socket = target.open(&get("/events?channel=%3E")).await?;
        readers.push(spawn_local(drain(socket)));
    }
    target.begin();
    let (batches, socket) = flood(&target, 100, Duration::from_millis(50)).await?;
    readers.iter().for_each(JoinHandle::abort);
    Ok(Aftermath { note: format!("{batches} batches"), held: vec![socket], faults: Vec::new() })
}

/// Batches of one message for each of `channels` channels, each sent after the answer to the previous one.
async fn flood(target: &Target, channels: usize, pause: Duration) -> Result<(u64, TcpStream)> {
    let mut socket = target.connect().await?;
    let request =
        batch((0..channels).map(|channel| format!(r#"{{"channel":"wide.{channel}","data":1}}"#)));
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut batches = 0;
    while !target.is_over() {
        ticks.tick().await;
        match timeout(ANSWER_MAX, ask(&mut socket, &request)).await {
            Ok(answered) => drop(answered?),
            // The table says how few they were.
            Err(_) => break,
        }
        batches += 1;
    }
    Ok((batches, socket))
}

/// Reads and forgets.
pub(super) async fn drain(mut socket: impl AsyncRead + Unpin) -> usize {
    let (mut buffer, mut bytes) = (vec![0; 64 << 10], 0);
    while let Ok(more @ 1..) = socket.read(&mut buffer).await {
        bytes += more;
    }
    bytes
}

/// Messages that a batch may have.
const BATCH_MESSAGES_MAX: usize = 10_000;
const VALUE_BYTES: usize = 1_000;
const VALUES_BATCH: usize = 5_000;
const IDS_BATCH: usize = 9_000;
/// Ids that a channel remembers.
const IDS_EACH: usize = 1_000;
/// Then it is clear that no more are taken.
const REFUSED_ENOUGH: usize = 50_000;
const ANSWER_MAX: Duration = Duration::from_secs(10);
