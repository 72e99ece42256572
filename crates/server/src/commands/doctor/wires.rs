//! Whether a message arrives on each wire, and at once; and whether an event stream resumes.

use super::{
    fault::Fault,
    finding::Report,
    probe::{Answer, Probe, proxy_of},
    wire::{Kind, NotOpened, Waited, Wire},
};
use futures_util::future::join_all;
use reqwest::{Method, header};
use std::time::Duration;
use tokio::time::Instant;

/// Opens every wire, publishes once, and waits for the message on each. Returns the wires that are open and pass it on.
pub(super) async fn examine(probe: &Probe, report: &mut Report, after: &str) -> Vec<Wire> {
    let opened = join_all(Kind::ALL.map(|kind| kind.open(probe, None))).await;
    let mut wires = Vec::new();
    for (kind, opened) in Kind::ALL.into_iter().zip(opened) {
        match opened {
            Ok(wire) => wires.extend(judge_head(wire, report)),
            Err(not_opened) => judge(kind, not_opened, report).await,
        }
    }
    // A head may come before the subscription's first bytes do.
    let deadline = Instant::now() + AT_ONCE;
    join_all(wires.iter_mut().map(|wire| wire.wait_for_bytes(deadline))).await;
    let text = format!("tidewire-doctor-{:08x}", fastrand::u32(..));
    let poll = poll(probe, after, &text);
    let publish = async {
        let sent = Instant::now();
        let published = probe.publish(&text, None).await;
        let waits = wires.iter_mut().map(|wire| async {
            let waited = wire.wait_for(&text, sent + AT_ONCE).await;
            (waited, sent.elapsed())
        });
        (published, join_all(waits).await)
    };
    let (polled, (published, waited)) = tokio::join!(poll, publish);
    if let Err(answer) = published {
        report.skip(format!("messages: a second one was not published: {}", answer.describe()));
        return Vec::new();
    }
    match polled {
        Ok(took) => {
            report.note(format!("long-poll: a message arrived after {} ms", took.as_millis()))
        }
        Err(evidence) => report.add(Fault::Buffering, evidence),
    }
    let mut passing = Vec::new();
    for (wire, (waited, took)) in wires.into_iter().zip(waited) {
        let name = wire.kind.name();
        match waited {
            Waited::Came => {
                report.note(format!("{name}: a message arrived after {} ms", took.as_millis()));
                passing.push(wire);
            }
            Waited::Nothing => report.add(
                Fault::Buffering,
                format!(
                    "{name}: a message that was published did not arrive within {} s",
                    AT_ONCE.as_secs()
                ),
            ),
            Waited::Ended => report.add(
                Fault::Buffering,
                format!("{name}: the stream ended before a message that was published"),
            ),
        }
    }
    passing
}

/// What the head of an answer shows. The wire, if its bytes can be read.
fn judge_head(wire: Wire, report: &mut Report) -> Option<Wire> {
    let name = wire.kind.name();
    if wire.kind == Kind::WebSocket {
        return Some(wire);
    }
    let cache_control = wire.header(header::CACHE_CONTROL).unwrap_or_default().to_ascii_lowercase();
    if !cache_control.contains("no-store") || !cache_control.contains("no-transform") {
        let evidence = format!(
            "{name}: Cache-Control was `no-store, no-transform`, and `{cache_control}` has arrived"
        );
        report.add(Fault::CacheControlStripped, evidence);
    }
    match wire.header(header::CONTENT_ENCODING) {
        None | Some("identity") => Some(wire),
        Some(coding) => {
            report.add(
                Fault::Compression,
                format!("{name}: the stream arrived with Content-Encoding {coding}"),
            );
            None
        }
    }
}

/// What it shows that a wire cannot be opened.
async fn judge(kind: Kind, not_opened: NotOpened, report: &mut Report) {
    let name = kind.name();
    let (fault, evidence) = match (kind, not_opened) {
        (Kind::WebSocket, NotOpened::Answered(response)) => {
            report.recognise(proxy_of(&response));
            let answer = Answer::read(response).await;
            let said = answer.map_or_else(|error| format!("{error:#}"), |answer| answer.describe());
            (Fault::UpgradeLost, format!("{name}: the handshake was answered with {said}"))
        }
        (_, NotOpened::NoSubprotocol) => {
            (Fault::UpgradeLost, format!("{name}: the answer lacks the subprotocol tidewire.v1"))
        }
        (Kind::WebSocket, NotOpened::Late) => {
            (Fault::UpgradeLost, format!("{name}: the handshake got no answer"))
        }
        (Kind::WebSocket, NotOpened::Broken(why)) => (Fault::UpgradeLost, format!("{name}: {why}")),
        (_, NotOpened::Late) => (
            Fault::Buffering,
            format!("{name}: not even the head of the stream arrived within 2 s"),
        ),
        (_, NotOpened::Answered(response)) => {
            let answer = Answer::read(response).await;
            let said = answer.map_or_else(|error| format!("{error:#}"), |answer| answer.describe());
            return report.skip(format!("{name}: it was answered with {said}"));
        }
        (_, NotOpened::Broken(why)) => return report.skip(format!("{name}: {why}")),
    };
    report.add(fault, evidence);
}

/// A poll that waits for the message.
async fn poll(probe: &Probe, after: &str, text: &str) -> Result<Duration, String> {
    let wait = format!("{}s", AT_ONCE.as_secs() + 2);
    let query = [("channel", &*probe.channel), ("since", after), ("wait", &wait)];
    let began = Instant::now();
    // What was published before answers at once; then again from there.
    let mut since = after.to_owned();
    while began.elapsed() < AT_ONCE {
        let query = [query[0], ("since", &*since), query[2]];
        let answer = super::probe::finish(probe.request(Method::GET, &["poll"], &query)).await;
        let answer = answer.map_err(|error| format!("long-poll: {error:#}"))?;
        if answer.text.contains(text) {
            return Ok(began.elapsed());
        }
        match answer.json.as_ref().and_then(|json| json.get("position")?.as_str()) {
            Some(position) => position.clone_into(&mut since),
            None => return Err(format!("long-poll: it was answered with {}", answer.describe())),
        }
    }
    Err(format!(
        "long-poll: a message that was published did not arrive within {} s",
        AT_ONCE.as_secs()
    ))
}

/// Opens an event stream after `position`, after which `text` was published.
pub(super) async fn examine_resume(probe: &Probe, report: &mut Report, position: &str, text: &str) {
    if report.has(Fault::Buffering) {
        return report.skip("resume: the event stream is buffered");
    }
    let Ok(mut wire) = Kind::Sse.open(probe, Some(position)).await else {
        return report.skip("resume: the event stream cannot be opened");
    };
    if wire.header(header::CONTENT_ENCODING).is_some() {
        return report.skip("resume: the event stream is compressed");
    }
    match wire.wait_for(text, Instant::now() + AT_ONCE).await {
        Waited::Came => report.note("SSE: it resumes by Last-Event-ID"),
        _ => report.add(
            Fault::LastEventIdStripped,
            "SSE: with Last-Event-ID, a message after that position did not arrive",
        ),
    }
}

/// Waits until each wire has brought `text`, or a while.
pub(super) async fn drain(wires: &mut [Wire], text: &str) {
    let deadline = Instant::now() + AT_ONCE;
    join_all(wires.iter_mut().map(|wire| wire.wait_for(text, deadline))).await;
}

/// How long a message may take: far longer than any network, and shorter than a buffer that waits for more.
const AT_ONCE: Duration = Duration::from_secs(2);
