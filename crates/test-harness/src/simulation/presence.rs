//! The members of each channel, derived from the requests and answers alone, and compared with the messages in
//! channels of presence.

use super::{
    client::Ask,
    clock::SET_BACK_MS,
    engine_under_test::EngineUnderTest,
    history::{Entry, History},
    membership::{Description, Membership},
    session::{Core, Session},
    settings::Settings,
    tally::Tally,
    wire_reader::Received,
};
use std::collections::{BTreeMap, BTreeSet};
use tidewire_protocol::{Member, ServerEvent};

/// What is known of the connections of one world.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// Those of this life, by number.
    memberships: BTreeMap<u64, Memberships>,
    /// Everything that a connection has ever said of itself, where it said so.
    said: BTreeMap<Membership, Vec<Description>>,
}

/// The channels with presence that one connection follows by name: `certain` ⊆ `possible`.
#[derive(Debug, Default)]
struct Memberships {
    /// The server has said so, and nothing was asked since.
    certain: BTreeSet<String>,
    /// The client has asked for it, and was not informed that it has ended.
    possible: BTreeSet<String>,
}

/// The members at one moment: `certain` ⊆ `possible`.
#[derive(Debug, Default)]
pub(crate) struct ExpectedMembers {
    certain: BTreeSet<Membership>,
    possible: BTreeSet<Membership>,
}

impl Presence {
    /// Takes in that a connection has opened, which follows these from the start.
    pub(crate) fn open<'a>(
        &mut self,
        number: u64,
        patterns: impl Iterator<Item = &'a str>,
        settings: &Settings,
    ) {
        let names: BTreeSet<String> =
            patterns.filter(|name| settings.has_presence(name)).map(str::to_owned).collect();
        for name in &names {
            self.say(number, name, None);
        }
        let memberships = Memberships { certain: names.clone(), possible: names };
        self.memberships.insert(number, memberships);
    }

    /// Takes in what a client has asked for, before the server can know of it.
    pub(crate) fn note_asks(
        &mut self,
        number: u64,
        asks: &BTreeMap<u64, Ask>,
        settings: &Settings,
    ) {
        for (request, ask) in asks {
            let Some(memberships) = self.memberships.get_mut(&number) else { return };
            match ask {
                Ask::Subscribe(follow) if settings.has_presence(&follow.pattern) => {
                    memberships.possible.insert(follow.pattern.clone());
                    self.say(number, &follow.pattern, Some(*request));
                }
                Ask::Unsubscribe(pattern) => {
                    memberships.certain.remove(pattern);
                }
                _ => {}
            }
        }
    }

    /// Notes what a client receives.
    pub(crate) fn note_received(&mut self, number: u64, received: &Received) {
        let (Some(memberships), Received::Said(said)) =
            (self.memberships.get_mut(&number), received)
        else {
            return;
        };
        match &**said {
            ServerEvent::Subscribed(done) if memberships.possible.contains(&done.channel) => {
                memberships.certain.insert(done.channel.clone());
            }
            ServerEvent::Unsubscribed(done) => {
                memberships.possible.remove(&done.channel);
            }
            _ => {}
        }
    }

    fn say(&mut self, number: u64, channel: &str, request: Option<u64>) {
        let descriptions = self.said.entry(Membership::new(channel, number)).or_default();
        let description = Description::of(number, request);
        if !descriptions.contains(&description) {
            descriptions.push(description);
        }
    }

    /// Takes in that all connections have ended with their server.
    pub(crate) fn end_life(&mut self) {
        self.memberships.clear();
    }

    /// The members now: those whose connection the server has.
    pub(crate) fn expected(&self, sessions: &BTreeMap<u64, Session>) -> ExpectedMembers {
        let mut expected = ExpectedMembers::default();
        for (number, memberships) in &self.memberships {
            let session = sessions.get(number);
            if session.is_some_and(|session| matches!(session.core, Core::Live(_))) {
                let membership = |channel: &String| Membership::new(channel, *number);
                // Its next turn has it leave.
                if session.is_some_and(|session| session.grant.last.is_none()) {
                    expected.certain.extend(memberships.certain.iter().map(membership));
                }
                expected.possible.extend(memberships.possible.iter().map(membership));
            }
        }
        expected
    }

    /// Checks all joins and leaves in the log: no member joins a second time unchanged, only members leave, and each
    /// has the user and info that its connection has sent.
    pub(crate) fn check_log(&self, history: &History, tally: &mut Tally) -> Result<(), String> {
        let mut listed = BTreeSet::new();
        for epoch in history.epochs() {
            let mut there: BTreeMap<Membership, &Entry> = BTreeMap::new();
            for (offset, entry) in history.between(epoch, 0, history.head(epoch)) {
                let Some(membership) = Membership::of_message(&entry.channel, &entry.draft) else {
                    continue;
                };
                listed.insert(membership.clone());
                let refuse = |what: &str| Err(format!("{membership:?} at {offset}: {what}"));
                if entry.is_tombstone() {
                    tally.left += 1;
                    if there.remove(&membership).is_none() {
                        return refuse("left without having come");
                    }
                    continue;
                }
                if !self.is_as_said(&membership, entry) {
                    return refuse("is not who he said he is");
                }
                match there.insert(membership.clone(), entry) {
                    Some(before) if before.draft == entry.draft => return refuse("came twice"),
                    Some(_) => tally.renewed += 1,
                    None => tally.joined += 1,
                }
            }
        }
        let unpublished =
            self.said.keys().filter(|membership| !listed.contains(membership)).count();
        tally.unpublished_stays += u64::try_from(unpublished).unwrap_or(0);
        Ok(())
    }

    fn is_as_said(&self, membership: &Membership, entry: &Entry) -> bool {
        let json = str::from_utf8(entry.draft.content.as_bytes()).unwrap_or_default();
        let Ok(member) = serde_json::from_str::<Member>(json) else { return false };
        let info = member.info.map(|info| info.get().to_owned());
        let description = Description { user: member.user, info };
        member.connection == membership.connection
            && member.since <= entry.time_ms + SET_BACK_MS
            && self.said.get(membership).is_some_and(|said| said.contains(&description))
    }
}

impl ExpectedMembers {
    /// The members according to the log.
    pub(crate) fn in_log(history: &History, engine: &EngineUnderTest) -> BTreeSet<Membership> {
        let epoch = engine.broker.epoch();
        let entry = |offset: u64| history.entry(epoch, offset);
        let values = engine.held(history).into_iter().filter_map(entry).filter(|it| it.is_value());
        values.filter_map(|entry| Membership::of_message(&entry.channel, &entry.draft)).collect()
    }

    /// Checks that the log has nobody who cannot be a member, and everybody who certainly is, except those for whom
    /// there was no room.
    pub(crate) fn check(
        &self,
        listed: &BTreeSet<Membership>,
        refused: &BTreeSet<Membership>,
    ) -> Result<(), String> {
        let mut gone = listed.iter().filter(|membership| !self.possible.contains(membership));
        if let Some(membership) = gone.find(|membership| !refused.contains(membership)) {
            return Err(format!("{membership:?} is listed and is not a member"));
        }
        let mut unpublished = self.certain.iter().filter(|membership| !listed.contains(membership));
        if let Some(membership) = unpublished.find(|membership| !refused.contains(membership)) {
            return Err(format!("{membership:?} is a member and not listed"));
        }
        Ok(())
    }

    /// The same, once nothing is under way that could leave a doubt.
    pub(crate) fn check_exact(
        &self,
        listed: &BTreeSet<Membership>,
        refused: &BTreeSet<Membership>,
    ) -> Result<(), String> {
        if let Some(membership) = self.possible.difference(&self.certain).next() {
            return Err(format!("nobody knows whether {membership:?} is there"));
        }
        self.check(listed, refused)
    }
}
