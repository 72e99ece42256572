//! The real binary with its log on disk, killed again and again while 16 clients publish.
//!
//! What must hold: every acknowledged publish is in the log once, at the position of its answer. One that was repeated
//! with its id after the crash is there once too. Positions continue. Subscribers that resumed across the crashes
//! received each message once, in order, without a gap.

mod disk;
mod follower;
mod publisher;
mod tail;

use crate::{
    peers::{Wire, http},
    server::Server,
};
use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

pub use disk::fill_the_disk;

/// How to crash.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often.
    pub rounds: usize,
    /// From what everything random follows.
    pub seed: u64,
    /// Whether half a write is found at the end of the store after each crash.
    pub tears: bool,
}

/// What was gone through.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Publishes answered.
    pub answered: usize,
    /// Publishes repeated with their id because a crash had come before the answer.
    pub repeated: usize,
    /// Messages each follower was handed.
    pub followed: usize,
    /// How often followers came back.
    pub returns: usize,
    /// The slowest start after a crash.
    pub start_max: Duration,
}

/// One message, by who published it and as which of theirs.
pub(crate) type Name = (usize, u64);

/// What the publishers know.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    positions: Mutex<BTreeMap<Name, String>>,
    repeated: Mutex<usize>,
    is_over: AtomicBool,
}

impl Answers {
    pub(crate) fn note(&self, name: Name, position: String, was_repeated: bool) -> Result<()> {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(positions.insert(name, position).is_none(), "{name:?} was answered twice");
        if was_repeated {
            *self.repeated.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        Ok(())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    fn count(&self) -> usize {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn positions(&self) -> BTreeMap<Name, String> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Crashes a server `plan.rounds` times.
///
/// # Errors
///
/// Something was lost, came twice or out of order, or the server did not come back.
pub async fn crash(plan: Plan) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let (data, config) = (folder.path().join("data"), folder.path().join("tidewire.toml"));
    std::fs::write(&config, CONFIG)?;
    let arguments = [
        "--data",
        data.to_str().context("the folder's name is not UTF-8")?,
        "--config",
        config.to_str().context("the folder's name is not UTF-8")?,
    ];
    let mut server = Server::start(&arguments).await?;
    let address = server.address();
    let answers = Arc::new(Answers::default());
    let mut publishers = JoinSet::new();
    for number in 0..PUBLISHERS {
        publishers.spawn(publisher::publish(address, number, Arc::clone(&answers)));
    }
    let mut followers = JoinSet::new();
    for wire in Wire::ALL {
        followers.spawn(follower::follow(address, wire));
    }
    let mut start_max = Duration::ZERO;
    let mut random = Rng::with_seed(plan.seed);
    for round in 0..plan.rounds {
        sleep(Duration::from_millis(random.u64(50..500))).await;
        server.kill().await?;
        if plan.tears {
            tail::tear(&data, &mut random)?;
        }
        let started = Instant::now();
        let restarted = Server::start_at(address, &arguments).await;
        server = restarted.with_context(|| format!("after crash {round}"))?;
        start_max = start_max.max(started.elapsed());
    }
    // The last life takes publishes too.
    let (restarted, answered) = (Instant::now(), answers.count());
    while answers.count() < answered + PUBLISHERS {
        ensure!(restarted.elapsed() < PATIENCE, "nothing is answered after the last crash");
        sleep(Duration::from_millis(10)).await;
    }
    answers.is_over.store(true, Ordering::Release);
    while let Some(outcome) = publishers.join_next().await {
        outcome??;
    }
    http::publish(address, "crash.end", follower::END).await?;
    let mut followed = Vec::new();
    while let Some(outcome) = followers.join_next().await {
        followed.push(outcome??);
    }
    // One more, who begins now and reads what is on the disk.
    followed.push(follower::follow(address, Wire::Stream).await?);
    check_state(address, &answers.positions()).await?;
    let report = check(&answers, &followed, start_max)?;
    server.terminate().await?;
    ensure!(Path::new(&data).is_dir(), "there is no store");
    Ok(report)
}

fn check(
    answers: &Answers,
    followed: &[follower::Followed],
    start_max: Duration,
) -> Result<Report> {
    let positions = answers.positions();
    let [first, others @ ..] = followed else { anyhow::bail!("nobody followed") };
    for other in others {
        ensure!(other.messages == first.messages, "two followers received different messages");
    }
    for (name, position) in positions.iter().filter(|(name, _)| !publisher::is_state(**name)) {
        let at = first.messages.get(name).with_context(|| format!("{name:?} is lost"))?;
        ensure!(at == position, "{name:?} was answered with {position} and stands at {at}");
    }
    let answered = first.messages.keys().filter(|name| positions.contains_key(*name)).count();
    ensure!(answered == first.messages.len(), "a message is there that nobody was answered for");
    Ok(Report {
        answered: positions.len(),
        repeated: *answers.repeated.lock().unwrap_or_else(PoisonError::into_inner),
        followed: first.messages.len(),
        returns: followed.iter().map(|followed| followed.returns).sum(),
        start_max,
    })
}

/// Each publisher's key in the compacted channel holds what it put there last.
async fn check_state(address: SocketAddr, positions: &BTreeMap<Name, String>) -> Result<()> {
    let answer = http::get(address, "/channels/state/messages?limit=100", &[]).await?;
    let page = answer.json().await?;
    let messages = page.get("messages").and_then(|it| it.as_array()).context("no messages")?;
    for number in 0..PUBLISHERS {
        let newest = positions
            .iter()
            .rev()
            .find(|((it, put), _)| *it == number && publisher::is_state((*it, *put)));
        let Some((_, position)) = newest else { continue };
        let key = number.to_string();
        let held = messages.iter().find(|it| it.get("key").is_some_and(|it| *it == *key));
        let held = held.with_context(|| format!("key {key} is lost"))?;
        let at = crate::peers::text(held, "position")?;
        ensure!(at == *position, "key {key} was put at {position} and is held at {at}");
    }
    Ok(())
}

const PUBLISHERS: usize = 16;
/// Longer than a busy machine takes for some publishes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing goes by itself, and hardly anything stays in memory.
const CONFIG: &str = r#"
retention_messages = 100000000
retention_bytes = "100GiB"
retention_age = "1d"
message_bytes_max = "64KiB"
total_bytes_max = "1MiB"

[channels."state"]
compact = true
"#;
