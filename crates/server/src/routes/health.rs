//! Probes: whether the process is alive, and whether to send it clients.

use super::WorkerData;
use crate::problem::ProblemResponse;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Version, header},
};
use tidewire_protocol::ErrorCode;

/// `GET /health/live`
pub(super) async fn live() -> HttpResponse {
    super::json_answer(br#"{"status":"alive"}"#.to_vec())
}

/// `GET /health/request`: what has arrived of this request, for `tidewire doctor`. Of headers only the names, and only of
/// some: an answer that shows what a cookie or a token is would be one for scripts that may not read them.
pub(super) async fn request(request: HttpRequest) -> HttpResponse {
    let version = match request.version() {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    };
    let headers = request.headers();
    let host = request.uri().authority().map(ToString::to_string).or_else(|| {
        let host = headers.get(header::HOST)?;
        Some(String::from_utf8_lossy(host.as_bytes()).into_owned())
    });
    let arrived: Vec<&str> = SHOWN.into_iter().filter(|name| headers.contains_key(*name)).collect();
    let seen = serde_json::json!({
        "http": version,
        "host": host,
        "headers": arrived,
        // By which a client sees that no cache answers.
        "nonce": format!("{:016x}", fastrand::u64(..)),
    });
    super::json_answer(seen.to_string().into_bytes())
}

/// The headers whose names `/health/request` shows.
const SHOWN: [&str; 10] = [
    "accept-encoding",
    "authorization",
    "cookie",
    "forwarded",
    "last-event-id",
    "origin",
    "sec-fetch-site",
    "via",
    "x-forwarded-for",
    "x-forwarded-proto",
];

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
