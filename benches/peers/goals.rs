//! What we want to reach, and whether this machine and the others that are recorded did.
//!
//! A goal is judged on the geometric mean over all machines: what one processor favours is no merit.

use crate::case::{Rank, Source};
use crate::events;
use crate::record::{self, Elsewhere};
use crate::rounds::{Measured, Row};
use crate::websocket;

/// Prints each goal that the measured cases allow to judge.
pub(crate) fn print(results: &[Measured]) {
    let others = record::elsewhere();
    println!("\ngoals, on the geometric mean of this machine and {} others", others.len());
    for goal in GOALS {
        if let Some((reached, line)) = goal.judge(results, &others) {
            println!("  {} {line}", if reached { "met    " } else { "NOT MET" });
        }
    }
}

struct Goal {
    group: &'static str,
    case: &'static str,
    bound: Bound,
}

enum Bound {
    /// Ours is at least this many times as fast as the subject; as ours from the pipe, if that reads from there.
    Faster(&'static str, f64),
    /// Our row of that name is at least this many times as fast as the subject.
    RowFaster(&'static str, &'static str, f64),
    /// Our socket is at least this many times as fast as the fastest peer that reads from the pipe.
    SocketFaster(f64),
    /// Ours takes at most this many times as long as the subject.
    Within(&'static str, f64),
    /// Ours takes at most this many times as long as ours takes with one buffer.
    OfWhole(f64),
    /// The same, with the copy of what the reads have cut added to the latter.
    OfWholeAndTails(f64),
    NanosecondsPerByte(f64),
}

impl Goal {
    /// Whether it is reached, and a line that says so; nothing if a case it needs was not measured.
    fn judge(
        &self,
        results: &[Measured],
        others: &[(String, Elsewhere)],
    ) -> Option<(bool, String)> {
        let here = |group: &str, subject: &str| {
            let is_case = |case: &&Measured| case.group == group && case.name == self.case;
            Some(results.iter().find(is_case)?.row(subject)?.ns_min)
        };
        let is_case = |case: &&Measured| case.group == self.group && case.name == self.case;
        let case = results.iter().find(is_case)?;
        let mut found = vec![self.value(case, &here)?];
        found.extend(others.iter().filter_map(|(_, other)| {
            self.value(case, &|group, subject| other.ns(group, self.case, subject))
        }));
        let value = geometric_mean(&found);
        let (reached, words) = match self.bound {
            Bound::Faster(peer, least) => {
                (value >= least, format!("{value:.2} × {peer}, at least {least} wanted"))
            }
            Bound::RowFaster(row, peer, least) => {
                (value >= least, format!("{row} {value:.2} × {peer}, at least {least} wanted"))
            }
            Bound::SocketFaster(least) => {
                let peer = fastest_piped(case)?.subject;
                (value >= least, format!("socket {value:.2} × {peer}, at least {least} wanted"))
            }
            Bound::Within(subject, most) => (
                value <= most,
                format!("{value:.2} × the time of {subject}, at most {most} wanted"),
            ),
            Bound::OfWhole(most) => (
                value <= most,
                format!("{value:.2} × the time of one buffer, at most {most} wanted"),
            ),
            Bound::OfWholeAndTails(most) => (
                value <= most,
                format!("{value:.2} × the time of one buffer and its tails, at most {most} wanted"),
            ),
            Bound::NanosecondsPerByte(most) => {
                (value <= most, format!("{value:.2} ns a byte, at most {most} wanted"))
            }
        };
        let machines = found.len();
        Some((reached, format!("{}, {}: {words} ({machines} machines)", self.group, self.case)))
    }

    /// What the bound is compared with, by times of one machine; `case` names the rows.
    fn value(&self, case: &Measured, ns: &dyn Fn(&str, &str) -> Option<f64>) -> Option<f64> {
        let ours = ns(self.group, case.rows[0].subject)?;
        Some(match self.bound {
            Bound::Faster(peer, _) => {
                let piped = case.row(peer)?.source == Source::Pipe;
                let base = if piped { ns(self.group, websocket::FROM_PIPE)? } else { ours };
                ns(self.group, peer)? / base
            }
            Bound::RowFaster(row, peer, _) => ns(self.group, peer)? / ns(self.group, row)?,
            Bound::SocketFaster(_) => {
                ns(self.group, fastest_piped(case)?.subject)? / ns(self.group, websocket::SOCKET)?
            }
            Bound::Within(subject, _) => ours / ns(self.group, subject)?,
            Bound::OfWhole(_) => ours / ns(websocket::DECODE, "ws-frame")?,
            Bound::OfWholeAndTails(_) => {
                let tails = ns(self.group, "floor: copied tails")?;
                ours / (ns(websocket::DECODE, "ws-frame")? + tails)
            }
            Bound::NanosecondsPerByte(_) => ours / case.bytes as f64,
        })
    }
}

/// The fastest peer of those that read from the pipe.
fn fastest_piped(case: &Measured) -> Option<&Row> {
    let piped = |row: &&Row| row.rank == Rank::Peer && row.source == Source::Pipe;
    case.rows.iter().filter(piped).min_by(|a, b| a.ns_min.total_cmp(&b.ns_min))
}

fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

const fn goal(group: &'static str, case: &'static str, bound: Bound) -> Goal {
    Goal { group, case, bound }
}

const GOALS: &[Goal] = {
    use Bound::{
        Faster, NanosecondsPerByte, OfWhole, OfWholeAndTails, RowFaster, SocketFaster, Within,
    };
    use events as sse;
    use websocket as ws;
    &[
        goal(ws::DECODE, "16 B text", Faster("tungstenite", 8.0)),
        goal(ws::DECODE, "16 B text", Faster("tokio-websockets", 10.0)),
        goal(ws::DECODE, "16 B text", Faster("fastwebsockets", 10.0)),
        goal(ws::DECODE, "16 B text", Faster("actix-ws", 10.0)),
        goal(ws::DECODE, "16 B text", Faster("yawc (codec)", 5.0)),
        goal(ws::DECODE, "128 B text", Faster("tokio-websockets", 7.0)),
        goal(ws::DECODE, "128 B text", Faster("tungstenite", 7.0)),
        goal(ws::DECODE, "128 B text", Faster("yawc (codec)", 4.0)),
        goal(ws::DECODE, "1 KiB text", Faster("tokio-websockets", 2.4)),
        goal(ws::DECODE, "1 KiB text", Faster("fastwebsockets", 3.0)),
        goal(ws::DECODE, "1 KiB text", Faster("tungstenite", 3.0)),
        goal(ws::DECODE, "1 KiB non-ASCII text", Faster("tokio-websockets", 1.65)),
        goal(ws::DECODE, "1 KiB non-ASCII text", Faster("tungstenite", 7.0)),
        goal(ws::DECODE, "64 KiB text", Faster("tokio-websockets", 1.15)),
        goal(ws::DECODE, "64 KiB text", Within("floor: memcpy", 1.25)),
        goal(ws::DECODE, "16 B text", SocketFaster(1.5)),
        goal(ws::DECODE, "128 B text", SocketFaster(1.5)),
        goal(ws::DECODE, "1 KiB text", SocketFaster(1.5)),
        goal(ws::DECODE, "64 KiB text", SocketFaster(1.0)),
        goal(ws::DECODE, "1 MiB binary", SocketFaster(1.0)),
        goal(ws::DECODE_READS, "16 B text", SocketFaster(1.5)),
        goal(ws::DECODE_READS, "128 B text", SocketFaster(1.5)),
        goal(ws::DECODE_READS, "1 KiB text", SocketFaster(1.5)),
        goal(ws::DECODE, "1 MiB binary", Faster("yawc (codec)", 1.0)),
        goal(ws::DECODE, "1 MiB binary", Faster("actix-http (codec)", 1.0)),
        // Level: memory is what both wait for.
        goal(ws::DECODE, "1 MiB binary", Faster("tokio-websockets", 0.95)),
        goal(ws::DECODE_READS, "16 B text", OfWhole(1.1)),
        goal(ws::DECODE_READS, "128 B text", OfWhole(1.1)),
        goal(ws::DECODE_READS, "1 KiB text", OfWholeAndTails(1.1)),
        goal(ws::ENCODE, "16 B binary", Faster("actix-http (codec)", 2.0)),
        goal(ws::ENCODE, "16 B binary", Faster("fastwebsockets", 3.3)),
        goal(ws::ENCODE, "16 B binary", Faster("tungstenite", 4.0)),
        goal(ws::ENCODE, "16 B binary", Faster("actix-ws", 6.0)),
        goal(sse::DECODE, "tiny", Faster("sse-stream", 5.0)),
        goal(sse::DECODE, "tiny", Faster("sseer", 14.0)),
        goal(sse::DECODE, "tiny", Faster("async-sse", 14.0)),
        goal(sse::DECODE, "tiny", Faster("eventsource-stream", 20.0)),
        goal(sse::DECODE, "150 B delta", Faster("sse-stream", 3.5)),
        goal(sse::DECODE, "150 B delta", Faster("sseer", 8.0)),
        goal(sse::DECODE, "150 B delta", Faster("eventsource-stream", 20.0)),
        goal(sse::DECODE, "id + event + 3 lines", Faster("sse-stream", 2.3)),
        goal(sse::DECODE, "64 KiB event", NanosecondsPerByte(5.0)),
        goal(sse::DECODE, "64 KiB event in 1400 B reads", NanosecondsPerByte(5.0)),
        goal(sse::DECODE, "64 KiB event byte by byte", NanosecondsPerByte(5.0)),
        goal(sse::DECODE, "tiny", RowFaster(sse::OWNED, "sse-stream", 2.0)),
        goal(sse::DECODE, "tiny, one a read", RowFaster(sse::OWNED, "sse-stream", 2.0)),
        goal(sse::DECODE, "150 B delta", RowFaster(sse::OWNED, "sse-stream", 2.0)),
        goal(sse::DECODE, "150 B delta, one a read", RowFaster(sse::OWNED, "sse-stream", 2.0)),
        goal(sse::DECODE, "150 B delta, one a read", Faster("eventsource-stream", 20.0)),
        goal(sse::DECODE, "150 B delta in 1400 B reads", RowFaster(sse::OWNED, "sse-stream", 2.0)),
        goal(sse::DECODE, "id + event + 3 lines", RowFaster(sse::OWNED, "sse-stream", 2.0)),
        goal(
            sse::DECODE,
            "id + event + 3 lines, one a read",
            RowFaster(sse::OWNED, "sse-stream", 2.0),
        ),
        goal(sse::DECODE, "64 KiB event", RowFaster(sse::OWNED, "sse-stream", 2.0)),
        goal(sse::DECODE, "64 KiB event", Faster("sseer", 1.1)),
        goal(sse::DECODE, "64 KiB event in 1400 B reads", RowFaster(sse::OWNED, "sse-stream", 2.0)),
        goal(sse::DECODE, "64 KiB event in 1400 B reads", Faster("sse-stream", 1.1)),
        goal(sse::DECODE, "64 KiB event in 1400 B reads", Faster("sseer", 1.1)),
        goal(sse::ENCODE, "id + event + 150 B", Faster("sse-stream", 4.5)),
        goal(sse::ENCODE, "id + event + 150 B", Faster("sse-stream (owned)", 4.5)),
    ]
};
