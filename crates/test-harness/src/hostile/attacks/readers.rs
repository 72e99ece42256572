//! Subscribers that are many, or follow much.

use super::publishers::drain;
use crate::hostile::attacker::{Aftermath, Target, ask, get};
use anyhow::Result;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::{JoinHandle, spawn_local},
    time::{interval, timeout},
};

/// Every connection has each of the 256 patterns that match the one channel.
pub(in crate::hostile) async fn patterns(mut target: Target) -> Result<Aftermath> {
    let patterns: Vec<String> = (0..256_u32)
        .map(|bits| {
            let tokens: Vec<&str> =
                (0..8).map(|at| if bits >> at & 1 == 1 { "*" } else { "a" }).collect();
            format!("channel={}", tokens.join("."))
        })
        .collect();
    let request = get(&format!("/events?{}", patterns.join("&")));
    let mut readers = Vec::new();
    while readers.len() < target.count(500) && !target.is_given_up() {
        readers.push(spawn_local(drain(target.open(&request).await?)));
    }
    target.begin();
    let mut publisher = target.connect().await?;
    let mut ticks = interval(Duration::from_millis(50));
    let publish =
        b"POST /publish/a.a.a.a.a.a.a.a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";
    let mut published = 0;
    while !target.is_over() {
        ticks.tick().await;
        publisher.write_all(publish).await?;
        let mut answer = [0; 1 << 10];
        let _read = timeout(Duration::from_secs(5), publisher.read(&mut answer)).await?;
        published += 1;
    }
    let note = format!("{} connections, {published} messages", readers.len());
    readers.iter().for_each(JoinHandle::abort);
    Ok(Aftermath { note, held: vec![publisher], faults: Vec::new() })
}

/// Each stops inside a message of its own, which retention removes for the next.
pub(in crate::hostile) async fn stuck(target: Target) -> Result<Aftermath> {
    let request = get("/events?channel=stuck");
    let body = "x".repeat(STUCK_BYTES);
    let publish = format!(
        "POST /publish/stuck HTTP/1.1\r\nHost: localhost\r\nContent-Length: {STUCK_BYTES}\r\n\r\n{body}"
    );
    let (mut publisher, mut held, mut faults) = (target.connect().await?, Vec::new(), Vec::new());
    // The server checks twice a second whether the log has removed the messages that they are inside of.
    let mut ticks = interval(STUCK_INTERVAL);
    while held.len() < target.count_to_fill(300) && !target.is_given_up() {
        ticks.tick().await;
        held.push(target.open(&request).await?);
        let (status, _) = ask(&mut publisher, publish.as_bytes()).await?;
        if status != 200 {
            faults.push(format!("a publish is answered with {status}"));
            break;
        }
    }
    Ok(Aftermath { note: format!("{} readers", held.len()), held, faults })
}

/// All connect in one moment; the server is to let each in.
pub(in crate::hostile) async fn come_back(target: Target) -> Result<Aftermath> {
    let request = get("/events?channel=idle");
    let start = Instant::now();
    let clients: Vec<_> = (0..target.count(3_000))
        .map(|_| {
            let (address, source, request) = (target.address, target.source, request.clone());
            spawn_local(async move {
                let mut socket = super::super::attacker::connect(address, source).await?;
                socket.write_all(&request).await?;
                socket.read_exact(&mut [0; 12]).await?;
                Ok::<_, anyhow::Error>((socket, start.elapsed()))
            })
        })
        .collect();
    let mut times = Histogram::<u64>::new(3)?;
    let (mut held, mut faults) = (Vec::with_capacity(clients.len()), Vec::new());
    for client in clients {
        match timeout(Duration::from_secs(20), client).await {
            Ok(Ok(Ok((socket, took)))) => {
                times.saturating_record(u64::try_from(took.as_millis())?);
                held.push(socket);
            }
            Ok(Ok(Err(error))) => faults.push(format!("{error:#}")),
            Ok(Err(error)) => faults.push(error.to_string()),
            Err(_) => faults.push("not let in within 20 s".to_owned()),
        }
    }
    let p90 = times.value_at_quantile(0.9);
    if p90 > CONNECT_P90_MS_MAX {
        faults.push(format!("90 % were in after {p90} ms, above {CONNECT_P90_MS_MAX}"));
    }
    faults.dedup();
    Ok(Aftermath { note: format!("{} in, p90 {p90} ms", held.len()), held, faults })
}

/// A dropped SYN is sent again after a second.
const CONNECT_P90_MS_MAX: u64 = 900;

const STUCK_BYTES: usize = 900_000;
const STUCK_INTERVAL: Duration = Duration::from_millis(50);
