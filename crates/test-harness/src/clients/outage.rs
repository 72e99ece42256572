//! A fault as a plan names it, and as the proxy and the judges understand it.

use crate::proxy::{Break, Ending, Faults, Flow, Intermediary};
use std::{fmt, time::Duration};

/// What happens to the link of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outage {
    /// All connections end, with a FIN, an RST or nothing.
    Cut(Ending),
    /// The next connections break in the middle of what they carry.
    Broken { down_bytes: u64, ending: Ending },
    /// Nothing passes for a while, and everything later.
    Stalled,
    /// Everything is swallowed, and no end is seen.
    Dead,
    /// A proxy answers 502.
    BadGateway,
    /// A proxy refuses WebSocket handshakes.
    NoWebSockets,
    /// A proxy does not answer WebSocket handshakes.
    SilentWebSockets,
    /// A proxy holds back what is streamed.
    BufferedStreams,
    /// Bytes come in small pieces.
    Slow,
}

impl Outage {
    /// How the proxy treats connections while it lasts.
    pub(super) fn faults(self) -> Faults {
        let free = Faults::default();
        let via = |through| Faults { through: Some(through), ..free };
        let both = |flow| Faults { up: flow, down: flow, ..free };
        match self {
            Self::Cut(_) => free,
            Self::Broken { down_bytes, ending } => {
                Faults { break_after: Some(Break { down_bytes, ending }), ..free }
            }
            Self::Stalled => both(Flow::Stalled),
            Self::Dead => both(Flow::Swallowed),
            Self::BadGateway => via(Intermediary::Unavailable),
            Self::NoWebSockets => via(Intermediary::NoUpgrades),
            Self::SilentWebSockets => via(Intermediary::SilentUpgrades),
            Self::BufferedStreams => via(Intermediary::Buffering),
            Self::Slow => both(Flow::Trickling { bytes_max: 50, pause: Duration::from_millis(1) }),
        }
    }

    /// How present connections end when it begins.
    pub(super) fn cut_before(self) -> Option<Ending> {
        match self {
            Self::Cut(ending) => Some(ending),
            Self::Broken { .. } | Self::Stalled | Self::Dead | Self::Slow => None,
            Self::BadGateway
            | Self::NoWebSockets
            | Self::SilentWebSockets
            | Self::BufferedStreams => Some(Ending::Reset),
        }
    }

    /// How they end when it is over: what was swallowed is missing in the middle of them.
    pub(super) fn cut_after(self) -> Option<Ending> {
        (self == Self::Dead).then_some(Ending::Silence)
    }

    /// Whether nothing at all arrives while it lasts.
    pub(super) fn is_dead(self) -> bool {
        matches!(self, Self::Stalled | Self::Dead | Self::BadGateway)
    }

    /// Whether connections that are there then stay, and bring nothing any more.
    pub(super) fn is_silent(self) -> bool {
        self == Self::Cut(Ending::Silence)
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
