//! `GET /openapi.json` and `GET /asyncapi.json`: what the interface is, for programs.

use super::json_answer;
use crate::interface;
use actix_web::HttpResponse;

/// `GET /openapi.json`
pub(super) async fn openapi() -> HttpResponse {
    json_answer(interface::openapi())
}

/// `GET /asyncapi.json`
pub(super) async fn asyncapi() -> HttpResponse {
    json_answer(interface::asyncapi())
}
