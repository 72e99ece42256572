//! Whether quiet connections stay: waits for a heartbeat on each wire, and for a poll that nothing answers.

use super::{
    fault::Fault,
    finding::Report,
    probe::{Answer, Probe},
    wire::{Waited, Wire},
};
use futures_util::future::join_all;
use reqwest::Method;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long it will take with these wires.
pub(super) fn wait(wires: &[Wire]) -> Duration {
    let heartbeat = heartbeat(wires);
    heartbeat + heartbeat / 10 + MARGIN
}

/// The time after which the server says something on a quiet connection.
fn heartbeat(wires: &[Wire]) -> Duration {
    wires.iter().find_map(Wire::heartbeat).unwrap_or(HEARTBEAT)
}

/// Leaves the wires alone until each has had a heartbeat, and lets a poll wait as long.
pub(super) async fn examine(
    probe: &Probe,
    report: &mut Report,
    mut wires: Vec<Wire>,
    position: &str,
) {
    let (heartbeat, wait) = (heartbeat(&wires), wait(&wires));
    let began = Instant::now();
    let poll = poll(probe, position, wait);
    let streams = wires.iter_mut().map(|wire| async {
        let waited = wire.wait_for_bytes(began + wait).await;
        (wire.kind.name(), waited, began.elapsed())
    });
    let (polled, streams) = tokio::join!(poll, join_all(streams));
    for (name, waited, after) in streams {
        let after = after.as_secs_f32();
        match waited {
            Waited::Came => report.note(format!("{name}: quiet until the heartbeat, after {after:.1} s")),
            Waited::Ended => report.add(
                Fault::IdleTimeout,
                format!("{name}: a quiet connection was cut after {after:.1} s; the heartbeat comes after {heartbeat:?}"),
            ),
            Waited::Nothing => report.add(
                Fault::Buffering,
                format!("{name}: the heartbeat did not arrive within {after:.1} s"),
            ),
        }
    }
    match polled {
        Ok(()) => report.note("long-poll: waits as long as it is asked to"),
        Err(evidence) => report.add(Fault::IdleTimeout, evidence),
    }
}

/// A poll that the server answers only when its time is over.
async fn poll(probe: &Probe, position: &str, wait: Duration) -> Result<(), String> {
    let wait = wait.min(POLL_WAIT_MAX);
    let text = format!("{}ms", wait.as_millis());
    let query = [("channel", &*probe.channel), ("since", position), ("wait", &*text)];
    let began = Instant::now();
    let request = probe.request(Method::GET, &["poll"], &query);
    let answered =
        timeout(wait + ANSWER_MARGIN, async { Answer::read(request.send().await?).await }).await;
    let after = began.elapsed().as_secs_f32();
    let cut = |why: &str| {
        Err(format!("long-poll: one that waits for {wait:?} was cut after {after:.1} s: {why}"))
    };
    match answered {
        Ok(Ok(answer)) if answer.status == 200 && answer.json.is_some() => Ok(()),
        Ok(Ok(answer)) if answer.problem().is_some() => Ok(()),
        Ok(Ok(answer)) => cut(&answer.describe()),
        Ok(Err(error)) => cut(&format!("{error:#}")),
        Err(_) => cut("no answer came"),
    }
}

/// If the server does not say how often it sends one.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// For a busy machine, and for the way.
const MARGIN: Duration = Duration::from_millis(500);
const ANSWER_MARGIN: Duration = Duration::from_secs(5);
/// What a server lets a poll wait, unless it is configured otherwise.
const POLL_WAIT_MAX: Duration = Duration::from_secs(55);
