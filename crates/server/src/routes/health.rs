//! Probes: whether the process is alive, and whether to send it clients.

use super::WorkerData;
use crate::problem::ProblemResponse;
use actix_web::HttpResponse;
use tidewire_protocol::ErrorCode;

/// `GET /health/live`
pub(super) async fn live() -> HttpResponse {
    super::json_answer(br#"{"status":"alive"}"#.to_vec())
}

/// `GET /health/ready`: whether the engine stores a message. Not once a signal to end has come.
pub(super) async fn ready(worker_context: WorkerData) -> Result<HttpResponse, ProblemResponse> {
    worker_context.admission.check_ready()?;
    let now_ms = worker_context.clock.now().wall_ms;
    worker_context.http.probe.check(now_ms).await.map_err(|error| {
        let message = format!("the server is not ready: {error}");
        ProblemResponse::new(ErrorCode::Unavailable, message)
    })?;
    // A drain may have begun meanwhile.
    worker_context.admission.check_ready()?;
    Ok(super::json_answer(br#"{"status":"ready"}"#.to_vec()))
}
