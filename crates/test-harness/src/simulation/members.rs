//! Members: published while a world runs, and checked at its end by pages and followers.

use super::{
    clock::time,
    member_pages::{check_change, check_known},
    oracle::Oracle,
    presence::ExpectedMembers,
    presence_publisher::{PresencePublisher, PublisherContext},
    world::World,
};
use std::collections::BTreeSet;
use tidewire_broker::Grant;
use tidewire_connection::PresencePage;
use tidewire_protocol as protocol;

impl World {
    /// Has the publisher go on with the round under way, or begin one that is due.
    pub(crate) fn flush_presence(&mut self) -> Result<(), String> {
        let Self { presence_publisher, settings, engine, presence, sessions, .. } = self;
        let Self { now_ms, history, rng, tally, trace, .. } = self;
        presence_publisher.flush(&mut PublisherContext {
            now_ms: *now_ms,
            settings,
            engine,
            presence,
            sessions,
            history,
            rng,
            tally,
            trace,
        })
    }

    /// The server's process has ended, and with it all that it knew of members.
    pub(crate) fn restart_presence(&mut self) {
        self.presence.end_life();
        self.presence_publisher = PresencePublisher::due_at(self.now_ms);
        let listed = ExpectedMembers::in_log(&self.history, &self.engine);
        self.tally.leftovers += u64::try_from(listed.len()).unwrap_or(0);
        self.engine.broker.clear_presence();
    }

    /// Waits until the log has exactly the members.
    pub(crate) fn drain_presence(&mut self, steps_max: usize) -> Result<(), String> {
        let mut difference = Ok(());
        for _ in 0..steps_max {
            self.pass_time()?;
            let expected = self.presence.expected(&self.sessions);
            let listed = ExpectedMembers::in_log(&self.history, &self.engine);
            difference = expected.check_exact(&listed, &self.presence_publisher.refused);
            if difference.is_ok() {
                return Ok(());
            }
        }
        difference
    }

    /// Checks, at rest, that pages from the earliest on, and each follower, have exactly the members.
    pub(crate) fn check_members(&mut self) -> Result<(), String> {
        self.presence.check_log(&self.history, &mut self.tally)?;
        let listed = ExpectedMembers::in_log(&self.history, &self.engine);
        for channel in self.settings.presence_channels().collect::<Vec<_>>() {
            let read = self.read_members(channel)?;
            let there = listed.iter().filter(|membership| membership.channel == channel);
            let there: BTreeSet<&str> = there.map(|membership| &*membership.connection).collect();
            if !read.iter().map(String::as_str).eq(there.iter().copied()) {
                return Err(format!("pages list {read:?} on {channel}, not {there:?}"));
            }
            self.tally.members += u64::try_from(read.len()).unwrap_or(0);
            for client in &self.clients {
                let oracle =
                    Oracle::new(&self.history, &self.engine, &self.settings, client.ears());
                for follow in &client.follower.follows {
                    self.tally.member_maps += check_known(follow, channel, &listed, &oracle)?;
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
            let permit = Grant::open().permit_presence(&name).map_err(|error| error.to_string())?;
            let (limit, time) = (Some(self.rng.usize(1..5)), time(self.now_ms));
            let limits = &self.settings.limits;
            let page = PresencePage::read(&permit, since, limit, broker, limits, time);
            let page = page.map_err(|refusal| format!("{channel}: {refusal}"))?;
            let mut json = Vec::new();
            page.write_json(broker, &mut json);
            let page: protocol::PresencePage =
                serde_json::from_slice(&json).map_err(|error| error.to_string())?;
            if since.is_none() && !page.left.is_empty() {
                return Err(format!(
                    "{:?} left {channel} before the join was published",
                    page.left
                ));
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

/// More than there are members in any world.
const PAGES_MAX: usize = 1_000;
