//! Which wire to try next: the best one that has not failed here lately.

use crate::Wire;
use std::time::Duration;

/// A wire that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A WebSocket that speaks `tidewire.v1`.
    WebSocket,
    /// Server-Sent Events.
    Sse,
    /// An NDJSON stream.
    Stream,
    /// Long polls.
    Poll,
}

impl Kind {
    /// What to try for a wire, the best first.
    const fn candidates(wire: Wire) -> &'static [Self] {
        match wire {
            Wire::Auto => &[Self::WebSocket, Self::Sse, Self::Poll],
            Wire::WebSocket => &[Self::WebSocket],
            Wire::Sse => &[Self::Sse],
            Wire::Stream => &[Self::Stream],
            Wire::Poll => &[Self::Poll],
        }
    }
}

impl From<Kind> for Wire {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::WebSocket => Self::WebSocket,
            Kind::Sse => Self::Sse,
            Kind::Stream => Self::Stream,
            Kind::Poll => Self::Poll,
        }
    }
}

/// The wires of a link, and which of them are avoided.
#[derive(Debug)]
pub(super) struct Wires {
    candidates: Vec<Candidate>,
    /// How long a wire is left alone after it has failed, doubled with each failure.
    avoidance: Duration,
}

#[derive(Debug)]
struct Candidate {
    kind: Kind,
    /// Not to be tried before, unless every other one has failed since.
    avoided_until: Duration,
    /// How often it has failed since it last worked.
    failures: u32,
}

impl Wires {
    pub(super) fn new(wire: Wire, avoidance: Duration) -> Self {
        let candidate =
            |kind: &Kind| Candidate { kind: *kind, avoided_until: Duration::ZERO, failures: 0 };
        let candidates = Kind::candidates(wire).iter().map(candidate).collect();
        Self { candidates, avoidance }
    }

    /// What to open now: the first that is not avoided, or else what is avoided for the shortest time.
    pub(super) fn choose(&self, now: Duration) -> Kind {
        let usable = self.candidates.iter().find(|it| it.avoided_until <= now);
        let chosen = usable.or_else(|| self.candidates.iter().min_by_key(|it| it.avoided_until));
        chosen.map_or(Kind::Poll, |it| it.kind)
    }

    /// Notes that a wire cannot be had for now. Returns whether there is another one to try at once.
    pub(super) fn avoid(&mut self, kind: Kind, now: Duration) -> bool {
        let Some(it) = self.candidates.iter_mut().find(|it| it.kind == kind) else { return false };
        let avoidance = self.avoidance.saturating_mul(2_u32.saturating_pow(it.failures));
        it.avoided_until = now + avoidance.min(self.avoidance * LONGEST);
        it.failures = it.failures.saturating_add(1);
        let is_other = self.candidates.iter().any(|it| it.avoided_until <= now);
        if !is_other {
            // Perhaps what was in the way of the better ones is gone by the next attempt.
            self.candidates.iter_mut().for_each(|it| it.avoided_until = Duration::ZERO);
        }
        is_other
    }

    /// Notes that a wire works.
    pub(super) fn succeed(&mut self, kind: Kind) {
        for it in self.candidates.iter_mut().filter(|it| it.kind == kind) {
            (it.failures, it.avoided_until) = (0, Duration::ZERO);
        }
    }

    /// Whether another one than this could be tried now.
    pub(super) fn has_other(&self, kind: Kind, now: Duration) -> bool {
        self.candidates.iter().any(|it| it.kind != kind && it.avoided_until <= now)
    }
}

/// How much longer it can get.
const LONGEST: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_wire_that_fails_is_left_alone_for_a_while_and_longer_each_time() {
        let mut wires = Wires::new(Wire::Auto, s(60));
        assert_eq!(wires.choose(s(0)), Kind::WebSocket);
        assert!(wires.avoid(Kind::WebSocket, s(0)));
        assert_eq!((wires.choose(s(0)), wires.choose(s(59))), (Kind::Sse, Kind::Sse));
        assert_eq!(wires.choose(s(60)), Kind::WebSocket);
        assert!(wires.avoid(Kind::WebSocket, s(60)));
        assert_eq!((wires.choose(s(179)), wires.choose(s(180))), (Kind::Sse, Kind::WebSocket));
        wires.succeed(Kind::WebSocket);
        assert!(wires.avoid(Kind::WebSocket, s(200)));
        assert_eq!(wires.choose(s(260)), Kind::WebSocket);
    }

    #[test]
    fn when_all_have_failed_it_begins_with_the_best_again() {
        let mut wires = Wires::new(Wire::Auto, s(60));
        assert!(wires.avoid(Kind::WebSocket, s(0)));
        assert!(wires.avoid(Kind::Sse, s(0)));
        assert!(!wires.avoid(Kind::Poll, s(0)));
        assert_eq!(wires.choose(s(1)), Kind::WebSocket);
        assert!(!Wires::new(Wire::Sse, s(60)).avoid(Kind::Sse, s(0)));
    }
}
