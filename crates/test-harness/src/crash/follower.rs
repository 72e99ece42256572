//! A subscriber that resumes across every crash, and keeps account of what it is handed.

use super::Name;
use crate::peers::{Follower, Received, Wire};
use anyhow::{Context as _, Result, bail, ensure};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// What a follower was handed.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) messages: BTreeMap<Name, String>,
    pub(super) returns: usize,
}

/// Follows everything from the beginning until the last word, on this wire first.
pub(super) async fn follow(address: SocketAddr, first: Wire) -> Result<Followed> {
    let at = Wire::ALL.iter().position(|wire| *wire == first).unwrap_or(0);
    let wires = (0..Wire::ALL.len()).map(|turn| (at + turn) % Wire::ALL.len());
    let wires: Vec<Wire> = wires.filter_map(|at| Wire::ALL.get(at).copied()).collect();
    let follower = Follower::new(address, &["crash.>"], first, "earliest").over(wires);
    let mut follower = follower.silence_max(Duration::from_secs(10));
    let mut messages = BTreeMap::new();
    let mut last: Option<(String, u64)> = None;
    loop {
        let message = match follower.next().await? {
            Received::Message(message) => message,
            Received::Gap(gap) => bail!("{first:?}: after {last:?} came {gap:?}"),
        };
        let place = place(&message.position)?;
        if let Some((epoch, offset)) = &last {
            ensure!(*epoch == place.0, "the epoch changed from {epoch} to {}", place.0);
            ensure!(*offset < place.1, "{} came after {offset}", message.position);
        }
        last = Some(place);
        if message.data == END {
            return Ok(Followed { messages, returns: follower.returns });
        }
        let (number, count) = message.data.split_once(':').context("an odd message")?;
        let name = (number.parse()?, count.parse()?);
        if let Some(before) = messages.insert(name, message.position.clone()) {
            bail!("{name:?} stands at {before} and again at {}", message.position);
        }
    }
}

fn place(position: &str) -> Result<(String, u64)> {
    let (epoch, offset) = position.split_once('-').context("an odd position")?;
    Ok((epoch.to_owned(), offset.parse()?))
}

/// The last word.
pub(super) const END: &str = "end";
