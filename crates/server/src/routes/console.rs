//! The console page and what it loads: kept by browsers, asked for again, sent again only if changed.

use super::{
    encoding::{Coding, CompressionLevel},
    surface::no_asset,
};
use crate::{
    files::{ASSETS, FAVICON, File, INDEX},
    problem::ProblemResponse,
};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::Bytes;
use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::LazyLock,
};
use tidewire_protocol::ErrorCode;

/// `GET /`
pub(super) async fn page(request: HttpRequest) -> HttpResponse {
    answer(&request, &INDEX)
}

/// `GET /assets/{name}`
pub(super) async fn asset(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let found = ASSETS.iter().find(|asset| asset.name == name.as_str());
    let asset = found.ok_or_else(|| {
        ProblemResponse::new(ErrorCode::NotFound, format!("the console has no file {name}"))
    })?;
    Ok(answer(&request, asset))
}

/// `GET /assets/{name}` without the console: the client library, which pages of others load.
pub(super) async fn library(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    match name.as_str() == LIBRARY || name.starts_with(LIBRARY_FOLDER) {
        true => asset(request, name).await,
        false => Err(no_asset(&name)),
    }
}

/// `GET /favicon.ico`
pub(super) async fn favicon(request: HttpRequest) -> HttpResponse {
    answer(&request, &FAVICON)
}

/// A file, or word that the client has it already.
fn answer(request: &HttpRequest, file: &'static File) -> HttpResponse {
    let wanted = Coding::of(request);
    let variants = VARIANTS.iter().filter(|variant| variant.name == file.name);
    let variant =
        variants.rev().find(|variant| [wanted, Coding::Identity].contains(&variant.coding));
    let Some(Variant { coding, tag, body, .. }) = variant else {
        return HttpResponse::InternalServerError().finish();
    };
    let mut response = match has(request, tag) {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::ETAG, tag.as_str()))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    if has(request, tag) {
        return response.finish();
    }
    if let Some(name) = coding.name() {
        response.insert_header((header::CONTENT_ENCODING, name));
    }
    response.insert_header((header::CONTENT_TYPE, file.content_type)).body(body.clone())
}

/// Whether the client names `tag` among what it has ([RFC 9110 §13.1.2]); its comparison is the weak one,
/// since proxies that compress make strong tags weak.
///
/// [RFC 9110 §13.1.2]: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
fn has(request: &HttpRequest, tag: &str) -> bool {
    let lists =
        request.headers().get_all(header::IF_NONE_MATCH).filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// A file in one coding.
struct Variant {
    name: &'static str,
    coding: Coding,
    /// In its quotes.
    tag: String,
    body: Bytes,
}

/// Each file as it is, then in each coding that makes it shorter.
static VARIANTS: LazyLock<Vec<Variant>> = LazyLock::new(|| {
    // The emblem is among the assets.
    let files = ASSETS.iter().chain([&INDEX]);
    files
        .flat_map(|file| Coding::ALL.into_iter().filter_map(|coding| variant(file, coding)))
        .collect()
});

fn variant(file: &'static File, coding: Coding) -> Option<Variant> {
    let body = match coding {
        Coding::Identity => Bytes::from_static(file.body),
        _ => coding.compress(file.body, CompressionLevel::Thorough)?.into(),
    };
    // By content: it changes with the file and with nothing else.
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    Some(Variant { name: file.name, coding, tag: format!("\"{:016x}\"", hasher.finish()), body })
}

const LIBRARY: &str = "tidewire.js";
const LIBRARY_FOLDER: &str = "client/";

const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'";
