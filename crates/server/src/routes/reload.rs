//! `POST /config/reload`: the server reads its configuration again.

use super::{WorkerData, json_answer};
use crate::{access::AdminPermit, problem::ProblemResponse};
use actix_web::HttpResponse;
use tidewire_protocol::ErrorCode;

/// What changed; or why nothing did, as it would be said at a start.
pub(super) async fn reload(
    _: AdminPermit,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let refuse = |cause| {
        let message = format!("nothing was reloaded: {cause}");
        ProblemResponse::new(ErrorCode::BadRequest, message)
    };
    let changes = worker_context.http.reload.reload().await.map_err(refuse)?;
    let json = serde_json::to_vec(&changes);
    json.map(json_answer)
        .map_err(|error| ProblemResponse::new(ErrorCode::Internal, error.to_string()))
}
