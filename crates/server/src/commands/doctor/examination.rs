//! The examination from its beginning to its end: each part uses what the parts before it have found.

use super::{
    fault::Fault,
    finding::Report,
    probe::{Answer, Probe, finish},
    quiet, request, wires,
};
use reqwest::{Method, header};

/// One run of `tidewire doctor`.
pub(super) struct Examination<'a> {
    probe: &'a Probe,
    report: &'a mut Report,
    is_quick: bool,
    say: &'a mut dyn FnMut(&str),
}

impl<'a> Examination<'a> {
    pub(super) fn new(
        probe: &'a Probe,
        report: &'a mut Report,
        is_quick: bool,
        say: &'a mut dyn FnMut(&str),
    ) -> Self {
        Self { probe, report, is_quick, say }
    }

    /// Examines everything that can be.
    pub(super) async fn run(self) {
        let Self { probe, report, is_quick, say } = self;
        if !request::examine(probe, report).await {
            return;
        }
        let first = match probe.publish("tidewire-doctor", None).await {
            Ok(position) => position,
            Err(answer) => return not_published(probe, report, &answer),
        };
        examine_origin(probe, report).await;
        examine_body(probe, report).await;
        let second = examine_cache(probe, report, &first).await;
        let wires = wires::examine(probe, report, &second).await;
        let resumed = "tidewire-doctor-after";
        let Ok(third) = probe.publish("tidewire-doctor", None).await else { return };
        if let Ok(last) = probe.publish(resumed, None).await {
            wires::examine_resume(probe, report, &third, resumed).await;
            if is_quick {
                say("--quick: idle timeouts are not examined");
                return;
            }
            let mut wires = wires;
            // What was published meanwhile has to be taken first.
            wires::drain(&mut wires, resumed).await;
            say(&format!(
                "waiting {:.0} s for the heartbeat",
                quiet::wait(&wires).as_secs_f32().ceil()
            ));
            quiet::examine(probe, report, wires, &last).await;
        }
    }
}

/// Why nothing can be published, which most of the examination begins with.
fn not_published(probe: &Probe, report: &mut Report, answer: &Answer) {
    let said = answer.describe();
    match (answer.status, answer.problem()) {
        (421, Some(problem)) if !report.has(Fault::HostRewritten) => {
            report.add(Fault::HostRefused, problem.detail);
        }
        (413, None) => report.add(Fault::BodyLimit, format!("a publish of 15 bytes: {said}")),
        // The rest depends on what was found.
        _ if report.has(Fault::HostRewritten) || report.has(Fault::AuthorizationStripped) => {}
        (0 | 404 | 405 | 500.., None) => {
            report.add(Fault::NotTidewire, format!("POST /publish/{}: {said}", probe.channel));
        }
        _ => {}
    }
    report.skip(format!(
        "messages: none can be published ({said}). A server with keys takes a token that may subscribe and publish to \
         doctor.>, from the variable TIDEWIRE_TOKEN or by --token-file"
    ));
}

/// Publishes as a page of this address does.
async fn examine_origin(probe: &Probe, report: &mut Report) {
    let origin = probe.origin();
    match probe.publish("tidewire-doctor", Some(&origin)).await {
        Ok(_) => report.note(format!("pages of {origin} may publish")),
        Err(answer) if answer.status == 403 && report.has(Fault::HostRewritten) => {}
        Err(answer) => report.add(Fault::OriginRefused, answer.describe()),
    }
}

/// Sends a body as large as a message may be.
async fn examine_body(probe: &Probe, report: &mut Report) {
    // It publishes nothing.
    let mut body = br#"{"messages":[]}"#.to_vec();
    body.resize(BODY_BYTES, b' ');
    let answer = finish(probe.request(Method::POST, &["publish"], &[]).body(body)).await;
    let size = format!("a body of {} KiB", BODY_BYTES >> 10);
    match answer {
        Ok(answer) if answer.status == 200 || answer.problem().is_some() => {
            report.note(format!("{size} arrives"));
        }
        Ok(answer) if answer.status == 413 => {
            report.add(Fault::BodyLimit, format!("{size} was answered with {}", answer.describe()));
        }
        Ok(answer) => report.skip(format!("{size} was answered with {}", answer.describe())),
        // A proxy may close the connection while the body is on its way.
        Err(error) => report.add(Fault::BodyLimit, format!("{size}: {error:#}")),
    }
}

/// Asks twice for the same page, before and after a publish. Returns the position of what was published, or `first`.
async fn examine_cache(probe: &Probe, report: &mut Report, first: &str) -> String {
    let query = [("channel", &*probe.channel), ("since", first), ("wait", "0s")];
    // With a cookie the answer is for this client alone.
    let ask = || {
        finish(
            probe
                .request(Method::GET, &["poll"], &query)
                .header(header::COOKIE, "tidewire-doctor=1"),
        )
    };
    let (text, before) = ("tidewire-doctor-fresh", ask().await);
    let Ok(position) = probe.publish(text, None).await else { return first.to_owned() };
    if let (Ok(_), Ok(after)) = (before, ask().await)
        && after.status == 200
        && !after.text.contains(text)
    {
        report.add(Fault::Cache, "GET /poll: the answer was that of the same request before");
    }
    position
}

/// More than the 1 MiB that is nginx's limit, less than what a server takes by default.
const BODY_BYTES: usize = (1 << 20) + (256 << 10);
