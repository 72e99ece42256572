//! The console page and what it loads.

use crate::{
    files::{ASSETS, FAVICON, INDEX, SVG},
    problem::Refused,
};
use actix_web::{HttpResponse, http::header, web};
use tidewire_protocol::ErrorCode;

/// `GET /`
pub(super) async fn page() -> HttpResponse {
    file("text/html; charset=utf-8", INDEX)
}

/// `GET /assets/{name}`
pub(super) async fn asset(name: web::Path<String>) -> Result<HttpResponse, Refused> {
    let found = ASSETS.iter().find(|asset| asset.name == name.as_str());
    let asset = found.ok_or_else(|| {
        Refused::new(ErrorCode::NotFound, format!("there is no file {name} of the page"))
    })?;
    Ok(file(asset.content_type, asset.body))
}

/// `GET /favicon.ico`
pub(super) async fn favicon() -> HttpResponse {
    file(SVG, FAVICON)
}

/// A file that may be kept, but is asked for again: it changes with the binary.
fn file(content_type: &'static str, body: &'static [u8]) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(body)
}

const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'";
