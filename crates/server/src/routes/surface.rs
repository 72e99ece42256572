//! Which routes a listener has: with listeners for operators, the public ones have none of theirs.

use super::nothing_here;
use crate::{
    interface::{ENDPOINTS, Endpoint},
    problem::ProblemResponse,
};
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
    /// The routes of a 404: all that this listener has, but for files of the page.
    pub(super) fn available(self) -> String {
        let is_here = |endpoint: &&&Endpoint| match self {
            Self::Everything => true,
            Self::Public => !endpoint.is_for_operators(),
        };
        let shown = ENDPOINTS.iter().filter(|endpoint| !endpoint.is_file()).filter(is_here);
        shown.map(|endpoint| endpoint.path).collect::<Vec<_>>().join(", ")
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
