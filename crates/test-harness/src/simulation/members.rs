//! What pages and followers say of who is there, held against what the log tells.

use super::{
    checkers::Follow,
    history::Entry,
    oracle::{Oracle, matches},
    presence::{ExpectedMembers, Membership, PREFIX},
    world::{World, oracle, time},
};
use std::collections::BTreeSet;
use tidewire_connection::PresencePage;
use tidewire_protocol::{self as protocol, Bookmark, Position, Since};

impl World {
    /// Checks, at rest, that pages from the earliest on, and everybody who follows, know exactly those
    /// who are there.
    pub(crate) fn check_members(&mut self) -> Result<(), String> {
        self.presence.check_log(&self.history, &mut self.tally)?;
        let told = ExpectedMembers::told(&self.history, &self.engine);
        for channel in self.settings.presence_channels().collect::<Vec<_>>() {
            let read = self.read_members(channel)?;
            let there = told.iter().filter(|membership| membership.channel == channel);
            let there: BTreeSet<&str> = there.map(|membership| &*membership.connection).collect();
            if !read.iter().map(String::as_str).eq(there.iter().copied()) {
                return Err(format!("pages tell of {read:?} on {channel}, not of {there:?}"));
            }
            self.tally.members += u64::try_from(read.len()).unwrap_or(0);
            for client in &self.clients {
                let oracle = oracle(&self.history, &self.engine, &self.settings, client.ears());
                for follow in &client.follower.follows {
                    self.tally.member_maps += check_known(follow, channel, &told, &oracle)?;
                }
            }
        }
        Ok(())
    }

    /// Who is on `channel`, by all pages there are.
    fn read_members(&mut self, channel: &str) -> Result<BTreeSet<String>, String> {
        let (mut members, mut since) = (BTreeSet::new(), None);
        let broker = &self.engine.broker;
        for _ in 0..PAGES_MAX {
            let name = channel.parse().map_err(|_| format!("{channel} is no channel"))?;
            let (limit, time) = (Some(self.rng.usize(1..5)), time(self.now_ms));
            let page = PresencePage::read(name, since, limit, broker, &self.settings.limits, time);
            let page = page.map_err(|refusal| format!("{channel}: {}", refusal.message))?;
            let mut json = Vec::new();
            page.write_json(broker, &mut json);
            let page: protocol::PresencePage =
                serde_json::from_slice(&json).map_err(|error| error.to_string())?;
            if since.is_none() && !page.left.is_empty() {
                return Err(format!("{:?} left {channel} before anybody was told of", page.left));
            }
            let change = check_change(&page, since)?;
            members.extend(page.members.into_iter().map(|member| member.connection));
            members.retain(|name| !page.left.contains(name));
            if !page.more {
                return Ok(members);
            }
            since = Some(change);
        }
        Err(format!("the pages of {channel} have no end"))
    }
}

/// Where the page behind this one begins: further on.
fn check_change(page: &protocol::PresencePage, since: Option<Since>) -> Result<Since, String> {
    match since {
        Some(Since::After(Bookmark { after: before, .. }))
            if page.more && page.position.after.offset <= before.offset =>
        {
            Err(format!("a page of members goes on from {before} to {}", page.position))
        }
        _ => Ok(page.position.into()),
    }
}

/// Checks that a follower knows exactly those who came after it began, and counts them.
fn check_known(
    follow: &Follow,
    channel: &str,
    told: &BTreeSet<Membership>,
    oracle: &Oracle<'_>,
) -> Result<u64, String> {
    let name = format!("{PREFIX}{channel}");
    let Some((known, began)) = follow.known(&name).filter(|_| matches(&follow.pattern, &name))
    else {
        return Ok(0);
    };
    let epoch = oracle.broker.epoch();
    let is_told = |entry: &Entry| {
        entry.is_value()
            && Membership::told(&entry.channel, &entry.draft)
                .is_some_and(|membership| told.contains(&membership))
    };
    for (offset, entry) in oracle.history.of_channel(epoch, &name) {
        if offset > began && is_told(entry) && !known.contains(&offset) {
            return Err(format!("{}: {:?} is not known to be there", follow.pattern, entry.draft));
        }
    }
    Ok(u64::try_from(known.len()).unwrap_or(0))
}

/// Checks a page that a client has asked for: what it tells happened behind `since`, and of that
/// everything that still counts is on it.
pub(crate) fn check_asked(
    page: &protocol::PresencePage,
    since: Option<Position>,
    oracle: &Oracle<'_>,
) -> Result<(), String> {
    let (name, epoch) = (format!("{PREFIX}{}", page.channel), page.position.after.epoch);
    let after = since.filter(|since| since.epoch == epoch).map_or(0, |since| since.offset);
    let held = oracle.holdings();
    let mut told: BTreeSet<(&str, bool)> = BTreeSet::new();
    for (offset, entry) in oracle.history.between(epoch, after, page.position.after.offset) {
        let Some(key) = entry.draft.key.as_ref().filter(|_| entry.channel == name) else {
            continue;
        };
        let is_there = !entry.is_tombstone();
        told.insert((key.as_str(), is_there));
        let is_owed = !entry.is_superseded && !held.lack(offset);
        let mut members = page.members.iter().map(|member| &member.connection);
        if is_owed && is_there && !members.any(|name| name == key.as_str()) {
            return Err(format!("{:?} is missing from {page:?}", entry.draft));
        }
        if is_owed && !is_there && since.is_some() && !page.left.iter().any(|it| it == key.as_str())
        {
            return Err(format!("{page:?} does not say that {key:?} left"));
        }
    }
    let members = page.members.iter().map(|member| (&*member.connection, true));
    let left = page.left.iter().map(|name| (&**name, false));
    match members.chain(left).find(|it| !told.contains(it)) {
        Some((name, _)) => Err(format!("{name} is on {page:?} for no reason")),
        None => Ok(()),
    }
}

/// More than there are members in any world.
const PAGES_MAX: usize = 1_000;
