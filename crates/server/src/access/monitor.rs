//! Who may see the figures of the server: one question, asked in one place.

use super::{AdminPermit, Caller, Monitoring};
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
    match monitoring {
        Monitoring::Off => {
            let message = "the metrics are switched off (metrics = \"off\")";
            Err(ProblemResponse::new(ErrorCode::Forbidden, message))
        }
        Monitoring::Open => caller.check_acting("read the metrics"),
        Monitoring::Local => AdminPermit::of(request).map(drop).map_err(|mut refused| {
            refused.detail +=
                "; metrics = \"open\" (--metrics open) shows them to everybody who reaches the server";
            refused
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{
        admin::tests::{holder, request},
        identity::{Carrier, Identity},
    };

    #[test]
    fn the_metrics_are_for_operators_unless_the_setting_says_otherwise() {
        let (here, there) = ("127.0.0.1:9", "10.0.0.5:9");
        let proxy = Some(("x-forwarded-for", "10.0.0.5"));
        let nobody = Identity::nobody;
        let admin = || holder(true, Carrier::Private);
        for (monitoring, statuses) in [
            (Monitoring::Local, [200, 401, 401, 200]),
            (Monitoring::Open, [200, 200, 200, 200]),
            (Monitoring::Off, [403, 403, 403, 403]),
        ] {
            let asked = [
                (here, None, nobody()),
                (there, None, nobody()),
                (here, proxy, nobody()),
                (there, None, admin()),
            ];
            let found = asked.map(|(peer, header, identity)| {
                let request = request(peer, header, Caller::Program, Ok(identity));
                check_monitor(&request, &Caller::Program, monitoring)
                    .map_or_else(|refused| refused.code.status(), |()| 200)
            });
            assert_eq!(found, statuses, "{monitoring:?}");
        }
        let foreign = Caller::foreign_for_tests();
        let request = request(here, None, foreign.clone(), Ok(admin()));
        assert!(check_monitor(&request, &foreign, Monitoring::Open).is_err());
    }
}
