//! What we want to reach, and whether this run did.

use crate::events;
use crate::rounds::Measured;
use crate::websocket;

/// Prints each goal that the measured cases allow to judge.
pub(crate) fn print(results: &[Measured]) {
    println!("\ngoals");
    for goal in GOALS {
        if let Some((reached, line)) = goal.judge(results) {
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
    /// Ours is at least this many times as fast as the subject.
    Faster(&'static str, f64),
    /// Ours takes at most this many times as long as the subject.
    Within(&'static str, f64),
    /// Ours takes at most this many times as long as ours takes with one buffer.
    OfWhole(f64),
    NanosecondsPerByte(f64),
}

impl Goal {
    /// Whether it is reached, and a line that says so; nothing if a case it needs was not measured.
    fn judge(&self, results: &[Measured]) -> Option<(bool, String)> {
        let find =
            |group| results.iter().find(|result| result.group == group && result.name == self.case);
        let case = find(self.group)?;
        let ours = &case.rows[0];
        let (reached, found) = match self.bound {
            Bound::Faster(peer, times) => {
                let ratio = case.ratio(case.row(peer)?);
                (ratio >= times, format!("{ratio:.2} × {peer}, at least {times} wanted"))
            }
            Bound::Within(subject, times) => {
                let ratio = case.ratio(case.row(subject)?).recip();
                (
                    ratio <= times,
                    format!("{ratio:.2} × the time of {subject}, at most {times} wanted"),
                )
            }
            Bound::OfWhole(times) => {
                let ratio = ours.ns_min / find(websocket::DECODE)?.rows[0].ns_min;
                (
                    ratio <= times,
                    format!("{ratio:.2} × the time of one buffer, at most {times} wanted"),
                )
            }
            Bound::NanosecondsPerByte(most) => {
                let nanoseconds = ours.ns_min / case.bytes as f64;
                (nanoseconds <= most, format!("{nanoseconds:.2} ns a byte, at most {most} wanted"))
            }
        };
        Some((reached, format!("{}, {}: {found}", self.group, self.case)))
    }
}

const fn goal(group: &'static str, case: &'static str, bound: Bound) -> Goal {
    Goal { group, case, bound }
}

const GOALS: &[Goal] = {
    use Bound::{Faster, NanosecondsPerByte, OfWhole, Within};
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
        // Level: memory is what both wait for.
        goal(ws::DECODE, "1 MiB binary", Faster("tokio-websockets", 0.95)),
        goal(ws::DECODE_READS, "16 B text", OfWhole(1.1)),
        goal(ws::DECODE_READS, "128 B text", OfWhole(1.1)),
        goal(ws::DECODE_READS, "1 KiB text", OfWhole(1.1)),
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
        goal(sse::ENCODE, "id + event + 150 B", Faster("sse-stream", 4.5)),
    ]
};
