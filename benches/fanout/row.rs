//! All rounds of one subject under one load: the medians, and what has to be said of them.

use crate::plan::Load;
use crate::round::Round;
use crate::subject::Subject;
use serde::{Deserialize, Serialize};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) subject: Subject,
    pub(crate) load: Load,
    pub(crate) rounds: Vec<Round>,
    /// Why there are fewer rounds than planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) broke_off: Option<String>,
}

/// The middle of several figures, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Row {
    /// Microseconds of processor time that a delivery costs the server; none if it delivered nothing.
    pub(crate) fn cpu_us(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter(|round| round.delivered > 0).map(Round::cpu_us))
    }

    /// The part of [`cpu_us`](Self::cpu_us) outside the kernel. Its share is that of all rounds, since it is sampled.
    pub(crate) fn user_us(&self) -> Option<f64> {
        let sum = |of: fn(&Round) -> f64| self.rounds.iter().map(of).sum::<f64>();
        let (user, system) = (sum(|round| round.user), sum(|round| round.system));
        (user + system > 0.0).then(|| Some(self.cpu_us()?.median * user / (user + system)))?
    }

    /// Deliveries in a second of the server's processor time.
    pub(crate) fn per_core(&self) -> Option<Spread> {
        let busy = self.rounds.iter().filter(|round| round.cpu > 0.0);
        Spread::of(busy.map(|round| round.delivered as f64 / round.cpu))
    }

    /// Deliveries in a second of time.
    pub(crate) fn per_second(&self) -> Option<Spread> {
        let rounds = self.rounds.iter().filter(|round| round.elapsed > 0.0);
        Spread::of(rounds.map(|round| round.delivered as f64 / round.elapsed))
    }

    /// Messages that one read found.
    pub(crate) fn per_read(&self) -> Option<Spread> {
        let rounds = self.rounds.iter().filter(|round| round.reads > 0);
        Spread::of(rounds.map(|round| round.delivered as f64 / round.reads as f64))
    }

    /// Whether everything that was published came, in order and in time, in every round.
    pub(crate) fn is_whole(&self) -> bool {
        self.broke_off.is_none()
            && self.rounds.iter().all(|round| round.lost() + round.missing() == 0)
    }

    /// What has to be said beside the figures.
    pub(crate) fn marks(&self) -> Vec<String> {
        let mut marks = Vec::new();
        let sum = |of: fn(&Round) -> u64| self.rounds.iter().map(of).sum::<u64>();
        let worst = |of: fn(&Round) -> f64| self.rounds.iter().map(of).fold(0.0, f64::max);
        marks.extend(self.broke_off.iter().map(|why| format!("broke off: {why}")));
        if sum(Round::lost) > 0 {
            marks.push(format!("LOST or out of order: {}", sum(Round::lost)));
        }
        let held_back = worst(|round| round.held_back / round.elapsed.max(1e-9));
        let expected = sum(|round| round.expected.unwrap_or_default());
        // What a server does not take from its publisher in time is late by its own fault.
        let due = if held_back > HELD_BACK_SHARE { expected } else { sum(|round| round.due) };
        let (delivered, percent) =
            (sum(|round| round.delivered), |part, of| share(part, of) * 100.0);
        if expected > 0 && due < expected {
            marks.push(format!("the generator published only {:.0} %", percent(due, expected)));
        }
        if expected > 0 && delivered < due {
            marks.push(format!("BEHIND: {:.0} % delivered in time", percent(delivered, due)));
        }
        let late = worst(|round| round.late_p99);
        if held_back > HELD_BACK_SHARE {
            marks.push(format!("its publisher had to wait {:.0} % of the time", held_back * 100.0));
        } else if late > LATE_SECONDS {
            marks.push(format!("the generator was late: p99 {:.0} ms", late * 1e3));
        }
        let is_starved = |round: &Round| {
            let share = |time: f64| time / round.elapsed.max(1e-9);
            share(round.generator_cpu) > SATURATED_SHARE && share(round.cpu) < SATURATED_SHARE
        };
        if self.rounds.iter().any(is_starved) {
            marks.push("the generator was saturated".to_owned());
        }
        let waited = worst(|round| round.waited / round.elapsed.max(1e-9));
        if waited > DISTURBED_SHARE {
            marks.push(format!("disturbed: waited {:.0} % for its processor", waited * 100.0));
        }
        marks
    }
}

impl Round {
    fn cpu_us(&self) -> f64 {
        self.cpu * 1e6 / self.delivered as f64
    }

    /// What the subject has not delivered as it should have; what it only did not come to is not lost.
    fn lost(&self) -> u64 {
        self.out_of_order + self.gaps + self.ended
    }

    /// Deliveries that the load asked for and that did not come in time.
    fn missing(&self) -> u64 {
        self.expected.unwrap_or_default().saturating_sub(self.delivered)
    }
}

impl Spread {
    /// Of none there is none.
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let (min, max) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median = match figures.len() % 2 {
            0 => f64::midpoint(figures[middle - 1], figures[middle]),
            _ => figures[middle],
        };
        Some(Self { median, min, max })
    }
}

fn share(part: u64, of: u64) -> f64 {
    part as f64 / of.max(1) as f64
}

/// A publisher whose server takes nothing for longer than this share of the time is held back.
const HELD_BACK_SHARE: f64 = 0.05;
/// Half of the interval of 100 publishes a second.
const LATE_SECONDS: f64 = 0.005;
const SATURATED_SHARE: f64 = 0.95;
/// Others took the server's processor for more than this share of the time.
const DISTURBED_SHARE: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    fn round(cpu: f64, delivered: u64) -> Round {
        let (expected, due) = (Some(1_000), 1_000);
        Round { expected, due, delivered, elapsed: 1.0, cpu, reads: 500, ..Round::default() }
    }

    fn row(rounds: Vec<Round>) -> Row {
        Row { subject: Subject::OURS, load: Load::Rate(100), rounds, broke_off: None }
    }

    #[test]
    fn a_figure_is_the_median_of_its_rounds_beside_the_least_and_the_most() {
        let three = row(vec![round(0.004, 1_000), round(0.003, 1_000), round(0.009, 1_000)]);
        let spread = three.cpu_us().unwrap();
        assert!((spread.median - 4.0).abs() < 1e-9 && (spread.min - 3.0).abs() < 1e-9);
        assert!((spread.max - 9.0).abs() < 1e-9);
        let two = row(vec![round(0.004, 1_000), round(0.003, 1_000)]);
        assert!((two.cpu_us().unwrap().median - 3.5).abs() < 1e-9);
        assert_eq!(row(Vec::new()).cpu_us(), None);
    }

    #[test]
    fn the_user_share_is_that_of_all_rounds_together() {
        let sampled = |cpu, user, system| Round { user, system, ..round(cpu, 1_000) };
        let rounds = vec![sampled(0.003, 0.0, 0.01), sampled(0.005, 0.02, 0.01)];
        let user = row(rounds).user_us().unwrap();
        assert!((user - 2.0).abs() < 1e-9, "{user}");
        assert_eq!(row(vec![round(0.004, 1_000)]).user_us(), None);
    }

    #[test]
    fn what_was_delivered_whole_has_nothing_to_be_said_of_it() {
        let whole = row(vec![round(0.004, 1_000); 3]);
        assert!(whole.is_whole() && whole.marks().is_empty(), "{:?}", whole.marks());
    }

    #[test]
    fn a_round_that_lost_or_came_late_is_marked_whichever_it_was() {
        let sound = round(0.004, 1_000);
        for (bad, mark) in [
            (Round { out_of_order: 2, ..sound.clone() }, "LOST or out of order: 2"),
            (Round { gaps: 1, ..sound.clone() }, "LOST or out of order: 1"),
            (Round { ended: 1, ..sound.clone() }, "LOST or out of order: 1"),
            (Round { delivered: 500, ..sound.clone() }, "BEHIND: 75 % delivered in time"),
            (
                Round { due: 500, delivered: 500, ..sound.clone() },
                "the generator published only 75 %",
            ),
        ] {
            let row = row(vec![sound.clone(), bad]);
            assert!(!row.is_whole());
            assert_eq!(row.marks(), [mark]);
        }
    }

    #[test]
    fn a_generator_that_was_late_or_saturated_is_marked_unless_the_server_held_it_back() {
        let sound = round(0.004, 1_000);
        let marks = |bad: Round| row(vec![sound.clone(), bad]).marks();
        let late = Round { late_p99: 0.0201, ..sound.clone() };
        assert_eq!(marks(late.clone()), ["the generator was late: p99 20 ms"]);
        let held = Round { held_back: 0.3, ..late };
        assert_eq!(marks(held), ["its publisher had to wait 30 % of the time"]);
        let held = Round { held_back: 0.3, due: 500, delivered: 500, ..sound.clone() };
        let expected =
            ["BEHIND: 75 % delivered in time", "its publisher had to wait 30 % of the time"];
        assert_eq!(marks(held), expected);
        let saturated = Round { generator_cpu: 0.99, ..sound.clone() };
        assert_eq!(marks(saturated), ["the generator was saturated"]);
        let waited = Round { waited: 0.2, ..sound.clone() };
        assert_eq!(marks(waited), ["disturbed: waited 20 % for its processor"]);
    }
}
