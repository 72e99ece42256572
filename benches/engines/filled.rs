//! A store with many messages, written by a process of its own: so that what that held is not
//! counted in this one.

use crate::{draft, now_ms, open};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{path::Path, process::Command, time::Instant};
use tempfile::TempDir;
use tidewire_broker::{ChannelName, Engine, Grant};
use tidewire_engine_log::Sync;

/// A directory with a number of messages, spread evenly over channels.
pub(crate) struct Filled {
    pub(crate) home: TempDir,
    pub(crate) messages: u64,
    pub(crate) channels: u64,
}

impl Filled {
    pub(crate) fn new(messages: u64, channels: u64) -> Self {
        let (home, began) = (tempfile::tempdir().unwrap(), Instant::now());
        let mut filling = Command::new(std::env::current_exe().unwrap());
        filling.arg(FILL).arg(home.path()).args([messages.to_string(), channels.to_string()]);
        assert!(filling.status().unwrap().success(), "the store was not filled");
        println!("{messages:8} messages written in {:8.1?}", began.elapsed());
        Self { home, messages, channels }
    }
}

/// Publishes to the channels in turn, some messages each time.
pub(crate) fn fill(home: &Path, messages: u64, channels: u64) {
    let (engine, _broker) = open(home, Sync::Never);
    let names: Vec<ChannelName> = (0..channels).map(name).collect();
    let mut underway = FuturesUnordered::new();
    let now_ms = now_ms();
    futures_executor::block_on(async {
        for number in 0..messages {
            let name = &names[usize::try_from(number / RUN % channels).unwrap()];
            underway.push(engine.publish(Grant::open().permit(name).unwrap(), draft(), now_ms));
            if underway.len() >= 4_096 {
                underway.next().await.unwrap().unwrap();
            }
        }
        while let Some(answer) = underway.next().await {
            answer.unwrap();
        }
    });
}

/// The channel of this number.
pub(crate) fn name(number: u64) -> ChannelName {
    format!("room.{number}").parse().unwrap()
}

/// The argument that makes this program fill a store.
pub(crate) const FILL: &str = "fill";

/// Messages that a channel gets in a row.
const RUN: u64 = 5;
