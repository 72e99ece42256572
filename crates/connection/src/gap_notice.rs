//! Gap notices: which messages a client has lost.

use crate::{RequestedStart, Subscription, subscription::LostStart};
use std::fmt;
use tidewire_broker::{Broker, Gap, Pattern, Position};
use tidewire_protocol::GapView;

/// Notice that messages are gone for a client.
#[derive(Clone, Copy, Debug)]
pub struct GapNotice<'a> {
    /// Of which subscription.
    pub pattern: &'a Pattern,
    /// After which position.
    pub from: GapStart<'a>,
    /// Up to which position; delivery is exact after it.
    pub to: Position,
}

/// Where a gap begins: a position, or what the client gave for one. As text it is what the client knows.
#[derive(Clone, Copy, Debug)]
pub enum GapStart<'a> {
    /// A position of this log.
    Position(Position),
    /// A start that this log does not have.
    Requested(&'a RequestedStart),
}

impl fmt::Display for GapStart<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => position.fmt(formatter),
            Self::Requested(start) => start.fmt(formatter),
        }
    }
}

impl<'a> GapNotice<'a> {
    /// A gap that a reader has found.
    pub(crate) fn of(gap: &'a Gap, broker: &Broker) -> Self {
        let Gap { pattern, from, to } = gap;
        let (from, to) = (GapStart::Position(broker.position(*from)), broker.position(*to));
        Self { pattern, from, to }
    }

    /// A start that the log does not have.
    pub(crate) fn of_start(LostStart { subscription, to }: &'a LostStart, broker: &Broker) -> Self {
        let Subscription { pattern, start } = subscription;
        Self { pattern, from: GapStart::Requested(start), to: broker.position(*to) }
    }

    /// Hands it to `write` as the protocol shows it.
    pub(crate) fn with_view<T>(&self, write: impl FnOnce(GapView<'_>) -> T) -> T {
        write(self.view(&self.from.to_string()))
    }

    /// The same, where its beginning is text already.
    pub(crate) fn view<'v>(&'v self, from: &'v str) -> GapView<'v> {
        GapView { channel: self.pattern.as_str(), from, to: self.to }
    }
}
