//! Which routes a listener has: with listeners for operators, the public ones have none of theirs.

use super::nothing_here;
use crate::problem::ProblemResponse;
use actix_web::{HttpRequest, HttpResponse};
use std::sync::atomic::{AtomicBool, Ordering};
use tidewire_protocol::ErrorCode;

/// Which routes a listener has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// All of them.
    Everything,
    /// All but those for operators, which are on listeners of their own.
    Public,
}

impl Surface {
    /// The routes of a 404.
    pub(super) const fn available(self) -> &'static str {
        match self {
            Self::Everything => EVERYTHING,
            Self::Public => PUBLIC,
        }
    }
}

/// Answers as if there were no such route. That there is one elsewhere is for the operator to read, in the log.
pub(super) async fn elsewhere(request: HttpRequest) -> Result<HttpResponse, ProblemResponse> {
    let path = request.path();
    if HAS_HINTED.swap(true, Ordering::Relaxed) {
        tracing::debug!(path, "{ELSEWHERE}");
    } else {
        tracing::info!(path, "{ELSEWHERE}; more of these requests are logged at the level debug");
    }
    nothing_here(request, Surface::Public).await
}

/// The refusal of a file that only the console needs.
pub(super) fn no_asset(name: &str) -> ProblemResponse {
    ProblemResponse::new(ErrorCode::NotFound, format!("there is no file {name}"))
}

/// Anybody can send such requests, so they get one line.
static HAS_HINTED: AtomicBool = AtomicBool::new(false);

const ELSEWHERE: &str =
    "a request for a route that only the listeners of admin_listen have was answered 404";

const EVERYTHING: &str = "/events, /ws, /poll, /stream, /publish, /channels, /tickets, /connections/{id}/token, /data/backup, \
    /metrics, /version, /health/live, /health/ready, /health/request and /";

const PUBLIC: &str = "/events, /ws, /poll, /stream, /publish, /channels, /tickets, /connections/{id}/token, /version, \
    /health/live, /health/ready and /health/request";
