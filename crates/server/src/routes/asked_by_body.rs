//! Requests to subscribe whose parameters are JSON in the body, for clients that use `fetch`: `POST` and `QUERY`.

use super::{ConnectionsData, WorkerData, publish::read_body, subscribe};
use crate::{
    access::{Caller, Identity},
    problem::ProblemResponse,
    query::{Query, body::BODY_BYTES_MAX},
    takeover::{ClientDisconnect, Handoff},
    worker_context::WorkerContext,
};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use tidewire_protocol::ErrorCode;

/// `POST /events` and `QUERY /events`.
pub(super) async fn events(
    request: HttpRequest,
    mut query: Query,
    payload: web::Payload,
    handoff: Handoff,
    sender: (Caller, Identity),
    connections: ConnectionsData,
) -> Result<HttpResponse, ProblemResponse> {
    read_into(&mut query, &request, payload, connections.worker_context()).await?;
    subscribe::events(request, query, handoff, sender, connections).await
}

/// `POST /stream` and `QUERY /stream`.
pub(super) async fn stream(
    request: HttpRequest,
    mut query: Query,
    payload: web::Payload,
    handoff: Handoff,
    sender: (Caller, Identity),
    connections: ConnectionsData,
) -> Result<HttpResponse, ProblemResponse> {
    read_into(&mut query, &request, payload, connections.worker_context()).await?;
    subscribe::stream(request, query, handoff, sender, connections).await
}

/// `POST /poll` and `QUERY /poll`.
pub(super) async fn poll(
    request: HttpRequest,
    mut query: Query,
    payload: web::Payload,
    disconnect: ClientDisconnect,
    sender: (Caller, Identity),
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    read_into(&mut query, &request, payload, &worker_context).await?;
    subscribe::poll(request, query, disconnect, sender, worker_context).await
}

/// Reads the body, and adds what it says to the query.
async fn read_into(
    query: &mut Query,
    request: &HttpRequest,
    payload: web::Payload,
    worker_context: &WorkerContext,
) -> Result<(), ProblemResponse> {
    if request.method().as_str() == QUERY {
        check_type(request)?;
    }
    let (body, _held) = read_body(request, payload, BODY_BYTES_MAX, worker_context).await?;
    query.add_body(body.bytes())
}

/// A `QUERY` says what its body is ([RFC 10008 §2]); a `POST` need not, so that it works with `curl -d`.
///
/// [RFC 10008 §2]: https://www.rfc-editor.org/rfc/rfc10008#section-2
fn check_type(request: &HttpRequest) -> Result<(), ProblemResponse> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message =
        "a QUERY needs the header Content-Type: application/json, and a body of that type";
    Err(ProblemResponse::new(ErrorCode::Unsupported, message))
}

/// The method that reads by a body.
pub(super) const QUERY: &str = "QUERY";
