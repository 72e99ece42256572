//! The clock: many short rounds in which each subject has a turn, of which the shortest pass counts.
//!
//! What else a machine does only ever adds to a time, and it adds more than the subjects differ by. A
//! minimum over many turns finds the moments without it; turns side by side find the same moments.

use crate::case::{AnyWork, Case, Rank, Source};
use crate::observer::Received;
use std::time::{Duration, Instant};

/// A case with its times.
pub(crate) struct Measured {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) bytes: usize,
    /// In the order of the case: ours first.
    pub(crate) rows: Vec<Row>,
}

/// The times of one subject, for one message.
pub(crate) struct Row {
    pub(crate) subject: &'static str,
    pub(crate) rank: Rank,
    pub(crate) source: Source,
    pub(crate) notes: &'static str,
    pub(crate) ns_min: f64,
    /// The median of the turns' minima; its distance from the smallest shows the noise.
    pub(crate) ns_median: f64,
}

impl Measured {
    pub(crate) fn row(&self, subject: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.subject == subject)
    }

    /// How many times as long as ours this row takes: as the first of ours that reads from the same source.
    pub(crate) fn ratio(&self, row: &Row) -> f64 {
        let is_base = |ours: &&Row| ours.rank == Rank::Ours && ours.source == row.source;
        row.ns_min / self.rows.iter().find(is_base).unwrap_or(&self.rows[0]).ns_min
    }
}

/// Checks that all subjects decode the same, then times them.
pub(crate) fn measure(mut case: Case) -> Measured {
    prove(&mut case);
    let mut turns: Vec<Vec<Duration>> =
        case.subjects.iter_mut().map(|subject| vec![turn(&mut *subject.work)]).collect();
    let start = Instant::now();
    for round in 0.. {
        if start.elapsed() > CASE_TIME {
            break;
        }
        for place in 0..turns.len() {
            let index = (round + place) % turns.len();
            if turns[index][0] < PASS_TIME_MAX {
                turns[index].push(turn(&mut *case.subjects[index].work));
            }
        }
    }

    let messages = case.messages as f64;
    let rows = case.subjects.iter().zip(&mut turns).map(|(subject, turns)| {
        turns.sort_unstable();
        Row {
            subject: subject.name,
            rank: subject.rank,
            source: subject.source,
            notes: subject.notes,
            ns_min: turns[0].as_nanos() as f64 / messages,
            ns_median: turns[turns.len() / 2].as_nanos() as f64 / messages,
        }
    });
    Measured { group: case.group, name: case.name, bytes: case.bytes, rows: rows.collect() }
}

/// Passes until the turn is over; the shortest of them. The first ones warm up what the others cooled.
fn turn(work: &mut dyn AnyWork) -> Duration {
    let turn = Instant::now();
    let mut least = Duration::MAX;
    while least == Duration::MAX || turn.elapsed() < TURN_TIME {
        work.prepare();
        let pass = Instant::now();
        work.run_timed();
        least = least.min(pass.elapsed());
    }
    least
}

/// Asserts that every subject but the floors decodes what ours decodes.
fn prove(case: &mut Case) {
    let mut expected: Option<Received> = None;
    for subject in case.subjects.iter_mut().filter(|subject| subject.rank != Rank::Floor) {
        let received = subject.work.run_proved().received();
        let expected = *expected.get_or_insert(received);
        assert_eq!(received, expected, "{}, {}: {}", case.group, case.name, subject.name);
    }
}

/// What the rounds of a case take in all.
const CASE_TIME: Duration = Duration::from_millis(4_000);
/// A subject that needs longer for a pass would take the time of all others, so it has one turn only.
const PASS_TIME_MAX: Duration = Duration::from_millis(200);
/// Long enough for a warm pass of each subject, short enough for hundreds of rounds.
const TURN_TIME: Duration = Duration::from_millis(2);
