//! What we set ourselves, and whether a run met it.

use crate::plan::{Load, UNCOALESCED};
use crate::record::Record;
use crate::row::Row;
use crate::subject::Subject;
use crate::wire::Wire;
use std::fmt;

/// One goal and the figure beside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Goal {
    what: String,
    bound: Bound,
    /// None where what it takes was not measured.
    figure: Option<f64>,
    /// Subjects whose rows are not whole, so that the figure says less than it seems to.
    doubts: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// All goals of the loads that were planned.
pub(crate) fn judge(record: &Record) -> Vec<Goal> {
    let mut goals = Vec::new();
    for load in &record.plan.loads {
        for wire in [Wire::Ws, Wire::Sse] {
            let ours = Subject { wire, ..Subject::OURS };
            if *load == UNCOALESCED {
                let floor = Subject { wire, ..Subject::FLOOR };
                goals.push(cost_ratio(record, *load, ours, floor, FLOOR_RATIO_MAX));
            }
            if matches!(load, Load::Rate(_)) {
                goals.push(cost_ratio(record, *load, ours, Subject::UWS, UWS_RATIO_MAX));
            }
            if *load == UNCOALESCED {
                let what = format!("{load}, {}: user µs a delivery", wire.name());
                goals.push(of_one(record, *load, ours, what, USER_US_MAX, Row::user_us));
            }
            if *load == Load::Saturation {
                let what = format!("{load}, {}: million deliveries/s a core", wire.name());
                let millions = |row: &Row| Some(row.per_core()?.median / 1e6);
                goals.push(of_one(record, *load, ours, what, MILLIONS_MIN, millions));
            }
        }
        if *load == UNCOALESCED || *load == Load::Saturation {
            goals.push(two_workers(record, *load));
        }
    }
    goals
}

/// What a delivery costs us, in that of another.
fn cost_ratio(record: &Record, load: Load, ours: Subject, theirs: Subject, bound: Bound) -> Goal {
    let (ours_row, theirs_row) = (record.row(ours, load), record.row(theirs, load));
    let cost = |row: Option<&Row>| Some(row?.cpu_us()?.median);
    let figure = cost(ours_row).zip(cost(theirs_row)).map(|(ours, theirs)| ours / theirs);
    let what = format!("{load}, {}: CPU a delivery × {}", ours.wire.name(), theirs.who.name());
    Goal { what, bound, figure, doubts: doubts([ours_row, theirs_row]) }
}

fn two_workers(record: &Record, load: Load) -> Goal {
    let (one, two) = (record.row(Subject::OURS, load), record.row(Subject::OURS_WITH_TWO, load));
    let rate = |row: Option<&Row>| Some(row?.per_core()?.median);
    let figure = rate(two).zip(rate(one)).map(|(two, one)| two / one);
    let what = format!("{load}: deliveries a second of CPU with two workers × one worker's");
    Goal { what, bound: WORKERS_RATIO_MIN, figure, doubts: doubts([one, two]) }
}

fn of_one(
    record: &Record,
    load: Load,
    subject: Subject,
    what: String,
    bound: Bound,
    figure: impl Fn(&Row) -> Option<f64>,
) -> Goal {
    let row = record.row(subject, load);
    Goal { what, bound, figure: row.and_then(figure), doubts: doubts([row]) }
}

fn doubts<const COUNT: usize>(rows: [Option<&Row>; COUNT]) -> Vec<&'static str> {
    let rows = rows.into_iter().flatten();
    rows.filter(|row| !row.is_whole()).map(|row| row.subject.who.name()).collect()
}

impl Goal {
    /// Whether it is met; none where that was not measured.
    pub(crate) fn is_met(&self) -> Option<bool> {
        Some(match self.bound {
            Bound::AtMost(bound) => self.figure? <= bound,
            Bound::AtLeast(bound) => self.figure? >= bound,
        })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = match self.bound {
            Bound::AtMost(bound) => format!("≤ {bound:.2}"),
            Bound::AtLeast(bound) => format!("≥ {bound:.2}"),
        };
        let verdict = match self.is_met() {
            None => "not measured",
            Some(true) => "yes",
            Some(false) => "no",
        };
        let figure = self.figure.map(|figure| format!("{figure:.2}")).unwrap_or_default();
        write!(f, "{:<78} {bound:>7} {figure:>7}  {verdict}", self.what)?;
        if !self.doubts.is_empty() {
            write!(f, " (not everything was delivered in time: {})", self.doubts.join(", "))?;
        }
        Ok(())
    }
}

const FLOOR_RATIO_MAX: Bound = Bound::AtMost(1.15);
const UWS_RATIO_MAX: Bound = Bound::AtMost(1.0);
const USER_US_MAX: Bound = Bound::AtMost(0.35);
const MILLIONS_MIN: Bound = Bound::AtLeast(3.5);
const WORKERS_RATIO_MIN: Bound = Bound::AtLeast(0.9);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::example;
    use crate::subject::{Peer, Who};

    fn lines(record: &Record) -> Vec<String> {
        judge(record).iter().map(Goal::to_string).collect()
    }

    fn line(record: &Record, words: &str) -> String {
        let found: Vec<_> = lines(record).into_iter().filter(|line| line.contains(words)).collect();
        assert_eq!(found.len(), 1, "{words}: {found:?}");
        found[0].split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_figure_stands_beside_its_goal_with_yes_or_no() {
        let record = example();
        for (words, end) in [
            ("100 publishes/s, WebSocket: CPU a delivery × floor", "≤ 1.15 1.17 no"),
            ("100 publishes/s, SSE: CPU a delivery × uWeb", "≤ 1.00 0.88 yes"),
            ("100 publishes/s, SSE: user µs a delivery", "≤ 0.35 0.28 yes"),
            ("2,500 publishes/s, WebSocket: CPU a delivery × uWeb", "≤ 1.00 0.87 yes"),
            ("saturation, WebSocket: million deliveries/s a core", "≥ 3.50 2.86 no"),
            ("100 publishes/s: deliveries a second of CPU", "≥ 0.90 1.00 yes"),
        ] {
            assert!(line(&record, words).ends_with(end), "{}", line(&record, words));
        }
        assert_eq!(judge(&record).len(), 14);
    }

    #[test]
    fn a_goal_beside_an_absent_peer_is_neither_met_nor_missed() {
        let mut record = example();
        record.rows.retain(|row| row.subject.who != Who::Peer(Peer::Uws));
        let beside: Vec<_> =
            judge(&record).into_iter().filter(|goal| goal.what.contains("uWeb")).collect();
        assert_eq!(beside.len(), 6);
        assert!(beside.iter().all(|goal| goal.is_met().is_none()));
        assert!(beside[0].to_string().ends_with("not measured"));
    }

    #[test]
    fn a_goal_says_whose_figure_is_of_less_than_was_published() {
        let mut record = example();
        let rounds = record.rows.iter_mut().filter(|row| row.subject == Subject::UWS);
        rounds.for_each(|row| row.rounds[0].gaps = 1);
        let line = line(&record, "100 publishes/s, WebSocket: CPU a delivery × uWeb");
        assert!(
            line.ends_with("yes (not everything was delivered in time: uWebSockets)"),
            "{line}"
        );
    }
}
