//! Probes: whether the process is alive, and whether to send it clients.

use super::WorkerData;
use crate::problem::ProblemResponse;
use actix_web::HttpResponse;

/// `GET /health/live`
pub(super) async fn live() -> HttpResponse {
    super::json_answer(br#"{"status":"alive"}"#.to_vec())
}

/// `GET /health/ready`
pub(super) async fn ready(worker_context: WorkerData) -> Result<HttpResponse, ProblemResponse> {
    worker_context.admission.check()?;
    Ok(super::json_answer(br#"{"status":"ready"}"#.to_vec()))
}
