//! What an operator asks for: the figures, and which build this is.

use super::{WorkerData, json_answer};
use crate::{
    access::{self, Caller},
    metrics::{Exposition, REVISION, VERSION},
    problem::ProblemResponse,
};
use actix_web::{HttpRequest, HttpResponse, http::header};
use tidewire_protocol::ErrorCode;
use tokio::task::spawn_blocking;

/// `GET /metrics`: OpenMetrics, or the text format of Prometheus for clients that do not ask for it.
pub(super) async fn metrics(
    request: HttpRequest,
    caller: Caller,
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    access::check_monitor(&request, &caller, worker_context.http.monitoring)?;
    let accept = request.headers().get_all(header::ACCEPT);
    let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
    let exposition = Exposition::negotiate(&accept.join(","));
    let observed = worker_context.http.observed.clone();
    // It asks the disk, which may take its time.
    let text = spawn_blocking(move || exposition.encode(observed.families())).await;
    let Ok(Ok(text)) = text else {
        let message = "the metrics cannot be collected; the server's log says why";
        return Err(ProblemResponse::new(ErrorCode::Internal, message));
    };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Ok(answer.content_type(exposition.content_type()).body(text))
}

/// `GET /version`
pub(super) async fn version() -> HttpResponse {
    let version = serde_json::json!({
        "name": "tidewire",
        "version": VERSION,
        "revision": REVISION,
        "features": FEATURES,
    });
    json_answer(version.to_string().into_bytes())
}

/// What this build can do that another one may not.
const FEATURES: &[&str] = &[
    "sse",
    "ws",
    "tidewire.v1",
    "stream",
    "poll",
    "data",
    "presence",
    #[cfg(feature = "opentelemetry")]
    "opentelemetry",
];
