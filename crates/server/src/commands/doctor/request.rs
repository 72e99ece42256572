//! What arrives of a request: compares it with what was sent. The server says it (`/health/request`).

use super::{
    fault::Fault,
    finding::Report,
    probe::{Answer, Probe, finish},
};
use anyhow::Result;
use reqwest::{Method, header};
use serde::Deserialize;

/// What the server has seen of a request.
#[derive(Debug, Deserialize)]
struct Seen {
    http: String,
    host: Option<String>,
    headers: Vec<String>,
    /// Another one in each answer.
    nonce: String,
}

/// Examines the head of a request. Whether the server is there at all.
pub(super) async fn examine(probe: &Probe, report: &mut Report) -> bool {
    let answer = match ask(probe).await {
        Ok(answer) => answer,
        Err(error) => {
            report.add(Fault::Unreachable, format!("{error:#}"));
            return false;
        }
    };
    report.recognise(answer.proxy);
    if let Some(location) = &answer.location {
        report.add(Fault::Redirect, format!("it is answered with {} to {location}", answer.status));
        return false;
    }
    let seen = answer.json.clone().and_then(|json| serde_json::from_value::<Seen>(json).ok());
    let Some(seen) = seen else {
        match answer.problem() {
            Some(_) => {
                report.skip("headers: this server is of a version that has no /health/request")
            }
            None => report
                .add(Fault::NotTidewire, format!("GET /health/request: {}", answer.describe())),
        }
        return answer.problem().is_some();
    };
    compare(&seen, probe, report);
    // A cache answers the same request from what it has.
    if let Ok(again) = ask(probe).await
        && again.json.as_ref().and_then(|json| json.get("nonce")?.as_str()) == Some(&*seen.nonce)
    {
        report.add(
            Fault::Cache,
            "GET /health/request: the second answer was that of the first request",
        );
    }
    true
}

async fn ask(probe: &Probe) -> Result<Answer> {
    let request = probe
        .bare(Method::GET, &["health", "request"], &[])
        .header(header::AUTHORIZATION, probe.authorization())
        .header(header::COOKIE, "tidewire-doctor=1")
        .header(header::ORIGIN, probe.origin())
        .header("last-event-id", "1");
    finish(request).await
}

fn compare(seen: &Seen, probe: &Probe, report: &mut Report) {
    let before = report.findings().len();
    if seen.http == "1.0" {
        report.add(Fault::Http10, "the server was asked by HTTP/1.0");
    }
    let (sent, arrived) = (probe.authority(), seen.host.clone().unwrap_or_default());
    if !arrived.eq_ignore_ascii_case(&sent) {
        report.add(Fault::HostRewritten, format!("Host was {sent}, and {arrived} has arrived"));
    }
    for (name, fault) in [
        ("origin", Fault::OriginStripped),
        ("authorization", Fault::AuthorizationStripped),
        ("cookie", Fault::CookieStripped),
        ("last-event-id", Fault::LastEventIdStripped),
    ] {
        if !seen.headers.iter().any(|header| header == name) {
            report.add(fault, format!("the header {name} was sent, and has not arrived"));
        }
    }
    if report.findings().len() == before {
        report.note(format!("requests arrive as they are sent, by HTTP/{}", seen.http));
    }
}
