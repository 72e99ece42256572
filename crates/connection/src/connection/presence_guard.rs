//! A connection as a member of channels: joined by subscribing, left by any ending.

use crate::{Identity, Input, Subscription, Time, requests::joined_by};
use std::{collections::BTreeSet, mem};
use tidewire_broker::{Broker, ChannelName, Forbidden, Grant, Label, Pattern};

/// A connection's membership of channels. Dropped, however the connection ends, it leaves all of them.
#[derive(Debug)]
pub(crate) struct PresenceGuard {
    broker: Broker,
    grant: Grant,
    connection: Label,
    identity: Identity,
    /// The channels it has joined. In order, so that it leaves them in order.
    channels: BTreeSet<ChannelName>,
}

impl PresenceGuard {
    /// Joins the channels that a connection follows from the start, as far as its grant allows.
    ///
    /// `None` if it will never be a member of any channel: then it costs nothing.
    pub(crate) fn open(
        input: Input,
        subscriptions: &[Subscription],
        connection: &str,
        identity: Identity,
        grant: &Grant,
        broker: &Broker,
        time: Time,
    ) -> Option<Box<Self>> {
        if !broker.limits().rules.has_presence() {
            return None;
        }
        let (broker, connection) = (broker.clone(), connection.parse().ok()?);
        let grant = grant.clone();
        let mut this = Self { broker, grant, connection, identity, channels: BTreeSet::new() };
        for Subscription { pattern, .. } in subscriptions {
            // If that is not allowed, it only reads. The caller may refuse the connection instead.
            let _ = this.join(pattern, Identity::default(), time);
        }
        if input != Input::Commands {
            // It cannot subscribe to more, so its identity is complete.
            this.identity = Identity::default();
            if this.channels.is_empty() {
                return None;
            }
        }
        Some(Box::new(this))
    }

    /// Joins a channel that is followed by name, if it has presence.
    ///
    /// What `identity` leaves open is taken from the opening of the connection.
    ///
    /// # Errors
    ///
    /// The connection's grant does not allow it.
    pub(crate) fn join(
        &mut self,
        pattern: &Pattern,
        identity: Identity,
        time: Time,
    ) -> Result<(), Forbidden> {
        let Some(channel) = joined_by(pattern, &self.broker) else { return Ok(()) };
        if self.channels.contains(&channel) {
            return Ok(());
        }
        let permit = self.grant.permit_join(&channel)?;
        let member = identity.or(&self.identity).as_member(&self.connection, time.wall_ms);
        // Without room for the news, messages are delivered all the same; the presence buffer keeps count.
        if self.broker.presence_buffer().join(&permit, &self.connection, member).is_ok() {
            self.channels.insert(channel);
        }
        Ok(())
    }

    /// Leaves what `grant` does not allow to join. What is allowed now and was not before is not joined by itself.
    pub(crate) fn handle_granted(&mut self, grant: &Grant) {
        let Self { broker, connection, channels, .. } = self;
        channels.retain(|channel| {
            let may_stay = grant.permit_join(channel).is_ok();
            if !may_stay {
                broker.presence_buffer().leave(channel, connection);
            }
            may_stay
        });
        self.grant = grant.clone();
    }

    /// Replaces who the client is, for what it joins from now on.
    pub(crate) fn identify(&mut self, identify: impl FnOnce(Identity) -> Identity) {
        self.identity = identify(mem::take(&mut self.identity));
    }

    /// Leaves what is followed no longer, if it was joined.
    pub(crate) fn leave(&mut self, pattern: &Pattern) {
        if let Some(channel) = self.channels.take(pattern.as_str()) {
            self.broker.presence_buffer().leave(&channel, &self.connection);
        }
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        for channel in &self.channels {
            self.broker.presence_buffer().leave(channel, &self.connection);
        }
    }
}
