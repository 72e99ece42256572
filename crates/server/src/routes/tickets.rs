//! `POST /tickets` and `POST /connections/{id}/token`: for clients that cannot send a header, or not any more.

use super::{WorkerData, json_answer};
use crate::{
    access::{Identity, client_address},
    problem::ProblemResponse,
    renewals::RenewalError,
    tickets::TICKET_LIFE_MS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use tidewire_connection::Refusal;
use tidewire_protocol::ErrorCode;

#[derive(Serialize)]
struct Issued {
    ticket: String,
    expires_in_ms: u64,
}

/// `POST /tickets`: a text for the query of one request, in place of the credentials of this one.
pub(super) async fn issue(
    request: HttpRequest,
    identity: Identity,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    worker_context.admission.check()?;
    worker_context.admission.limits().ticket(client_address(&request))?;
    let ticket = worker_context.http.authenticator.issue_ticket(&identity)?;
    let issued = Issued { ticket, expires_in_ms: TICKET_LIFE_MS };
    Ok(json_answer(serde_json::to_vec(&issued).unwrap_or_default()))
}

#[derive(Serialize)]
struct Renewed {
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_ms: Option<u64>,
}

/// `POST /connections/{id}/token`: the credentials of this request say from now on what that connection may do.
pub(super) async fn renew(
    id: web::Path<String>,
    identity: Identity,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let expires_ms = identity.grant().expires_ms();
    worker_context.http.renewals.renew(&id, identity).await?;
    let now_ms = worker_context.clock.now().wall_ms;
    let expires_in_ms = expires_ms.map(|expires_ms| expires_ms.saturating_sub(now_ms));
    Ok(json_answer(serde_json::to_vec(&Renewed { expires_in_ms }).unwrap_or_default()))
}

impl From<RenewalError> for ProblemResponse {
    fn from(error: RenewalError) -> Self {
        match error {
            RenewalError::NotFound => Self::new(ErrorCode::NotFound, NOT_FOUND),
            RenewalError::OtherSubject => Refusal::OtherSubject.into(),
            RenewalError::Busy => Self::new(ErrorCode::Overloaded, BUSY),
        }
    }
}

const NOT_FOUND: &str = "no connection has this id: it has ended, or its token does not expire; the id is in the first \
    event (`$connection`) or line of a stream";
const BUSY: &str = "too many connections are being renewed at once; try again in a moment";
