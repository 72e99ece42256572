//! What somebody may do. Each thing that is allowed becomes a permit: the proof, as a value, that it was.

use crate::{
    Action, ChannelName, Forbidden, HistoryPermit, IdAccount, JoinPermit, Pattern, Permit,
    PresencePermit, SubscribePermit, permit::Publisher,
};
use std::sync::Arc;

/// What a connection or request is allowed to do.
///
/// A token or an API key narrows it; where everything is allowed a caller holds [`Grant::open`].
/// [`Grant::reading_only`] is for a caller that may change nothing.
///
/// ```
/// use tidewire_broker::{Grant, Permissions};
///
/// let subscribe = vec!["chat.>".parse()?];
/// let grant = Grant::limited_to(Permissions { subscribe, ..Permissions::default() });
/// assert!(grant.permit_subscribe(&"chat.*".parse()?).is_ok());
/// assert!(grant.permit_subscribe(&">".parse()?).is_err());
/// assert!(grant.permit(&"chat.a".parse()?).is_err());
/// # Ok::<(), tidewire_broker::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    by: Publisher,
    is_reading_only: bool,
    account: Option<IdAccount>,
    /// Absent, everything is allowed and for ever.
    terms: Option<Arc<Terms>>,
}

/// What narrows a grant. Shared, as each copy of the grant has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Terms {
    /// Absent, all channels.
    permissions: Option<Permissions>,
    expires_ms: Option<u64>,
}

/// The channels that a grant allows, for each thing that can be done with them.
///
/// A pattern is allowed if one of these covers it; that several of them cover it together does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Where it allows publishing.
    pub publish: Vec<Pattern>,
    /// What it allows reading: by subscriptions, polls and pages of history.
    pub subscribe: Vec<Pattern>,
    /// Where it allows listing members, and being one. For `a` this includes subscribing to `$presence.a`.
    pub presence: Vec<Pattern>,
    /// Whether what it may read includes messages from before it came: pages of history, and subscriptions that begin
    /// with the oldest message or at a time. A position is always accepted, because a client that reconnects has one.
    pub history: bool,
}

impl Grant {
    /// Everything but writing to the system's channels, for a request of its own.
    pub const fn open() -> Self {
        Self { by: Publisher::Request, is_reading_only: false, account: None, terms: None }
    }

    /// Reading, and nothing that others could notice: no publish, no join.
    pub const fn reading() -> Self {
        Self { by: Publisher::Request, is_reading_only: true, account: None, terms: None }
    }

    /// Of the same, only what nobody else could notice: no publish, no join.
    pub fn reading_only(self) -> Self {
        Self { is_reading_only: true, ..self }
    }

    /// What `permissions` say and nothing else, for a request of its own.
    pub fn limited_to(permissions: Permissions) -> Self {
        let terms = Terms { permissions: Some(permissions), expires_ms: None };
        Self { terms: Some(Arc::new(terms)), ..Self::open() }
    }

    /// The same until a time, in milliseconds since the Unix epoch.
    ///
    /// What holds a grant for long has to end what the grant has allowed by then; a permit does not expire.
    pub fn until(mut self, expires_ms: u64) -> Self {
        Arc::make_mut(self.terms.get_or_insert_default()).expires_ms = Some(expires_ms);
        self
    }

    /// The same for a subscriber's connection: some channels take no messages from those.
    pub fn of_connection(self) -> Self {
        Self { by: Publisher::Connection, ..self }
    }

    /// The same with the account on which the ids of its messages go; without one only all ids together are bounded.
    pub fn on_account(self, account: Option<IdAccount>) -> Self {
        Self { account, ..self }
    }

    /// Whether it allows everything, and for ever.
    pub fn is_open(&self) -> bool {
        self.terms.is_none() && !self.is_reading_only
    }

    /// The account on which the ids of its messages go, if there is one.
    pub fn account(&self) -> Option<&IdAccount> {
        self.account.as_ref()
    }

    /// When it expires, in milliseconds since the Unix epoch.
    pub fn expires_ms(&self) -> Option<u64> {
        self.terms.as_ref()?.expires_ms
    }

    /// Checks that it has not expired at `now_ms`, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// It has.
    pub fn check_expiry(&self, now_ms: u64) -> Result<(), Forbidden> {
        match self.expires_ms() {
            Some(expires_ms) if expires_ms <= now_ms => Err(Forbidden::Expired),
            _ => Ok(()),
        }
    }

    /// Whether it allows nothing at all: its holder has to get another one first.
    pub fn is_empty(&self) -> bool {
        let lists_nothing = |permissions: &Permissions| {
            // The past of nothing is nothing.
            let Permissions { publish, subscribe, presence, history: _ } = permissions;
            publish.is_empty() && subscribe.is_empty() && presence.is_empty()
        };
        self.permissions().is_some_and(lists_nothing)
    }

    /// Allows one publish to `channel`.
    ///
    /// # Errors
    ///
    /// The channel is one of the system's, or the grant does not cover it.
    pub fn permit(&self, channel: &ChannelName) -> Result<Permit, Forbidden> {
        if channel.is_system() {
            return Err(Forbidden::SystemChannel { channel: channel.clone() });
        }
        if self.is_reading_only {
            return Err(Forbidden::Publishing { channel: channel.clone() });
        }
        self.check(Action::Publish, channel, |permissions| &permissions.publish)?;
        Ok(Permit::new(channel.clone(), self.by, self.account.clone()))
    }

    /// Allows reading what `pattern` selects: by a subscription or a poll, and with [`Grant::permit_history`] by a page of
    /// history.
    ///
    /// O(1) for a grant without permissions, O(permissions) otherwise.
    ///
    /// # Errors
    ///
    /// The grant does not cover it.
    pub fn permit_subscribe(&self, pattern: &Pattern) -> Result<SubscribePermit, Forbidden> {
        let may_subscribe = |permissions: &Permissions| permissions.may_subscribe(pattern);
        if self.permissions().is_none_or(may_subscribe) {
            return Ok(SubscribePermit::new(pattern.clone()));
        }
        Err(Forbidden::NotCovered { action: Action::Subscribe, pattern: pattern.clone() })
    }

    /// Allows reading messages that were published before the caller came, of whatever it may read.
    ///
    /// # Errors
    ///
    /// The grant is for what is published from now on.
    pub fn permit_history(&self) -> Result<HistoryPermit, Forbidden> {
        match self.permissions() {
            Some(permissions) if !permissions.history => Err(Forbidden::History),
            _ => Ok(HistoryPermit::new()),
        }
    }

    /// Allows listing the members of `channel`.
    ///
    /// # Errors
    ///
    /// The grant does not cover it.
    pub fn permit_presence(&self, channel: &ChannelName) -> Result<PresencePermit, Forbidden> {
        self.check(Action::ListMembers, channel, |permissions| &permissions.presence)?;
        Ok(PresencePermit::new(channel.clone()))
    }

    /// Allows a connection to be listed among the members of `channel`.
    ///
    /// # Errors
    ///
    /// The grant is for reading only, or does not cover the channel.
    pub fn permit_join(&self, channel: &ChannelName) -> Result<JoinPermit, Forbidden> {
        if self.is_reading_only {
            return Err(Forbidden::Joining { channel: channel.clone() });
        }
        self.check(Action::Join, channel, |permissions| &permissions.presence)?;
        Ok(JoinPermit::new(channel.clone()))
    }

    fn permissions(&self) -> Option<&Permissions> {
        self.terms.as_ref()?.permissions.as_ref()
    }

    /// Checks that one of the patterns that `allowed` chooses selects `channel`.
    fn check(
        &self,
        action: Action,
        channel: &ChannelName,
        allowed: impl Fn(&Permissions) -> &[Pattern],
    ) -> Result<(), Forbidden> {
        let selects = |permissions| allowed(permissions).iter().any(|it| it.matches(channel));
        if self.permissions().is_none_or(selects) {
            return Ok(());
        }
        Err(Forbidden::NotCovered { action, pattern: channel.clone().into() })
    }
}

impl Permissions {
    fn may_subscribe(&self, pattern: &Pattern) -> bool {
        let covers =
            |allowed: &[Pattern], pattern: &Pattern| allowed.iter().any(|it| it.covers(pattern));
        let lists = || pattern.members_of().is_some_and(|it| covers(&self.presence, &it));
        covers(&self.subscribe, pattern) || lists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_to_read_permits_neither_a_publish_nor_a_join() {
        let channel: ChannelName = "a".parse().unwrap();
        for grant in [Grant::reading(), Grant::reading().of_connection()] {
            let publish = grant.permit(&channel).unwrap_err();
            assert_eq!(publish, Forbidden::Publishing { channel: channel.clone() });
            let join = grant.permit_join(&channel).unwrap_err();
            assert_eq!(join, Forbidden::Joining { channel: channel.clone() });
        }
        assert_eq!(Grant::open().permit_join(&channel).unwrap().channel(), &channel);
    }

    #[test]
    fn a_grant_is_empty_if_it_names_nothing() {
        let empty = Grant::limited_to(Permissions::default());
        assert!(empty.is_empty() && empty.until(5).is_empty());
        let history = Permissions { history: true, ..Permissions::default() };
        assert!(Grant::limited_to(history).is_empty());
        let presence = vec!["a".parse().unwrap()];
        let some = Grant::limited_to(Permissions { presence, ..Permissions::default() });
        for grant in [some, Grant::open(), Grant::open().until(5), Grant::reading()] {
            assert!(!grant.is_empty(), "{grant:?}");
        }
    }
}
