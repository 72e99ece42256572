//! Who may see the figures of the server: one question, asked in one place.

use super::{Caller, Monitoring, peer::Peer};
use crate::problem::ProblemResponse;
use actix_web::HttpRequest;
use tidewire_protocol::ErrorCode;

/// Checks that a request may read what `/metrics` shows.
///
/// # Errors
///
/// The setting `metrics` does not allow it, or a page of another origin asks.
pub(crate) fn check_monitor(
    request: &HttpRequest,
    caller: &Caller,
    monitoring: Monitoring,
) -> Result<(), ProblemResponse> {
    let refused = |message: String| Err(ProblemResponse::new(ErrorCode::Forbidden, message));
    match (monitoring, Peer::of(request)) {
        (Monitoring::Off, _) => refused("the metrics are switched off (metrics = \"off\")".to_owned()),
        _ if matches!(caller, Caller::ForeignPage(_)) => {
            refused("pages of other origins may not read the metrics".to_owned())
        }
        (Monitoring::Open, _) | (Monitoring::Local, Peer::ThisMachine) => Ok(()),
        (Monitoring::Local, Peer::Forwarded(name)) => refused(format!(
            "a request with the header {name} comes through a proxy, and the metrics are for programs on the machine of the \
             server; metrics = \"open\" (--metrics open) shows them to everybody who reaches it"
        )),
        (Monitoring::Local, Peer::Elsewhere) => refused(
            "the metrics are for programs on the machine of the server; metrics = \"open\" (--metrics open) shows them to \
             everybody who reaches it"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn may(
        monitoring: Monitoring,
        peer: &str,
        header: Option<(&'static str, &'static str)>,
    ) -> bool {
        let request = TestRequest::get().peer_addr(peer.parse().unwrap());
        let request = header.into_iter().fold(request, TestRequest::insert_header);
        check_monitor(&request.to_http_request(), &Caller::Program, monitoring).is_ok()
    }

    #[test]
    fn the_metrics_are_for_this_machine_unless_the_setting_says_otherwise() {
        let (here, there) = ("127.0.0.1:9", "10.0.0.5:9");
        let forwarded = Some(("x-forwarded-for", "10.0.0.5"));
        for (monitoring, local, remote, proxied) in [
            (Monitoring::Local, true, false, false),
            (Monitoring::Open, true, true, true),
            (Monitoring::Off, false, false, false),
        ] {
            assert_eq!(may(monitoring, here, None), local, "{monitoring:?}");
            assert_eq!(may(monitoring, there, None), remote, "{monitoring:?}");
            assert_eq!(may(monitoring, here, forwarded), proxied, "{monitoring:?}");
        }
    }
}
