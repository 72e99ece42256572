//! Whether a client says `live` on a link that is dead.

use anyhow::{Result, ensure};

/// What one client has said of its state, and what its link was like.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// Each with the time in milliseconds since 1970.
    states: Vec<(u64, String)>,
    dead: Vec<Dead>,
}

/// A time in which nothing arrived.
#[derive(Clone, Copy, Debug)]
struct Dead {
    from_ms: u64,
    to_ms: u64,
    /// New connections bring something: then only the state from before the beginning is wrong.
    has_way_out: bool,
}

impl Liveness {
    pub(super) fn enter_state(&mut self, at_ms: u64, state: &str) {
        self.states.push((at_ms, state.to_owned()));
    }

    /// Takes in that nothing arrived between these times.
    pub(super) fn enter_dead(&mut self, from_ms: u64, to_ms: u64) {
        self.dead.push(Dead { from_ms, to_ms, has_way_out: false });
    }

    /// Takes in that everything that was connected at `from_ms` has brought nothing since, and that nothing else was connected
    /// up to `to_ms`.
    pub(super) fn enter_silent(&mut self, from_ms: u64, to_ms: u64) {
        self.dead.push(Dead { from_ms, to_ms, has_way_out: true });
    }

    /// Whether it is live now, and how often it has come to be.
    pub(super) fn is_live(&self) -> bool {
        self.states.last().is_some_and(|(_, state)| state == LIVE)
    }

    pub(super) fn times_live(&self) -> usize {
        self.states.iter().filter(|(_, state)| state == LIVE).count()
    }

    /// Checks that it was never live for longer than `silence_ms_max` after its link had died.
    pub(super) fn check(&self, silence_ms_max: u64) -> Result<()> {
        for Dead { from_ms, to_ms, has_way_out } in &self.dead {
            let late_ms = from_ms + silence_ms_max;
            let ends = self.states.iter().skip(1).map(|(at_ms, _)| *at_ms).chain([u64::MAX]);
            for ((since_ms, state), until_ms) in self.states.iter().zip(ends) {
                let is_wrong = state == LIVE
                    && until_ms > late_ms
                    && late_ms < *to_ms
                    && since_ms < to_ms
                    && !(*has_way_out && since_ms > from_ms);
                ensure!(
                    !is_wrong,
                    "live since {since_ms}, until {until_ms}, though its link was dead from {from_ms} to {to_ms}, and \
                     {silence_ms_max} ms suffice to notice"
                );
            }
        }
        Ok(())
    }
}

const LIVE: &str = "live";

#[cfg(test)]
mod tests {
    use super::*;

    fn states(said: &[(u64, &str)]) -> Liveness {
        let mut liveness = Liveness::default();
        said.iter().for_each(|(at_ms, state)| liveness.enter_state(*at_ms, state));
        liveness
    }

    #[test]
    fn two_heartbeats_are_enough_to_notice_a_dead_link() {
        for (noticed_ms, is_late) in [(1_400, false), (1_600, true)] {
            let mut liveness = states(&[(900, "live"), (noticed_ms, "offline")]);
            liveness.enter_dead(1_000, 2_000);
            assert_eq!(liveness.check(500).is_err(), is_late);
        }
        // Over before anybody could notice.
        let mut liveness = states(&[(900, "live")]);
        liveness.enter_dead(1_000, 1_400);
        assert!(liveness.check(500).is_ok());
    }

    #[test]
    fn nobody_comes_to_be_live_on_a_dead_link() {
        let mut liveness = states(&[(900, "live"), (1_300, "offline"), (1_700, "live")]);
        liveness.enter_dead(1_000, 2_000);
        assert!(liveness.check(500).is_err());
        let mut liveness = states(&[(900, "live"), (1_300, "offline"), (2_100, "live")]);
        liveness.enter_dead(1_000, 2_000);
        assert!(liveness.check(500).is_ok());
    }

    #[test]
    fn another_connection_is_a_way_out_of_silence() {
        let mut liveness = states(&[(900, "live"), (1_300, "offline"), (1_310, "live")]);
        liveness.enter_silent(1_000, 2_000);
        assert!(liveness.check(500).is_ok());
        let mut liveness = states(&[(900, "live")]);
        liveness.enter_silent(1_000, 2_000);
        assert!(liveness.check(500).is_err());
    }
}
