//! Publishing over HTTP: one message, which is the body.

use super::{WorkerData, account, count_publish, json_answer};
use crate::{
    access::{Caller, Identity},
    in_flight::{Held, ReceiveBuffer},
    problem::ProblemResponse,
    query::Query,
    traces::RequestTrace,
    worker_context::WorkerContext,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web,
};
use futures_util::StreamExt as _;
use std::{borrow::Cow, future::poll_fn, task::Poll};
use tidewire_broker::{ChannelName, Content, Draft, Label, Permit, Publishing};
use tidewire_connection::{ShuttingDown, parse_event, parse_key, parse_label};
use tidewire_protocol::{self as protocol, ErrorCode, PublishAnswer};

/// `POST /publish/{channel}`: the body is the payload.
pub(super) async fn one(
    request: HttpRequest,
    query: Query,
    channel: web::Path<String>,
    payload: web::Payload,
    (caller, identity): (Caller, Identity),
    worker_context: WorkerData,
) -> Result<HttpResponse, ProblemResponse> {
    let sender = (&caller, &identity);
    let published = publish(&request, &query, &channel, payload, sender, &worker_context).await;
    let refused = published.as_ref().err().map(|problem| problem.code);
    worker_context.metrics.connections.count_publish(refused);
    published
}

async fn publish(
    request: &HttpRequest,
    query: &Query,
    channel: &str,
    payload: web::Payload,
    (caller, identity): (&Caller, &Identity),
    worker_context: &WorkerContext,
) -> Result<HttpResponse, ProblemResponse> {
    let account = account(request, identity, worker_context);
    let grant = caller.publisher_grant(identity)?.on_account(account);
    worker_context.admission.check()?;
    let channel: ChannelName = channel.parse()?;
    let permit = grant.permit(&channel)?;
    // Before the body: what would be refused need not be sent.
    count_publish(request, identity, worker_context)?;
    let event = parse_event(named(request, query, "event")?)?;
    let key = parse_key(named(request, query, "key")?)?;
    let id = idempotency_key(request, query)?;
    let bytes_max = worker_context.broker.options(&channel).message_bytes_max;
    let (body, _held) = read_body(request, payload, bytes_max, worker_context).await?;
    let body = body.into_vec();
    let content = match body.is_empty() && key.is_some() {
        true => Content::Nothing,
        false => content(request, body)?,
    };
    let mut draft = Draft { event, key, id, ..Draft::new(content) };
    RequestTrace::of(request).note(&mut draft);
    let position = submit(permit, draft, worker_context)?.await?;
    let answer = PublishAnswer { position };
    Ok(json_answer(serde_json::to_vec(&answer).unwrap_or_default()))
}

pub(super) fn submit(
    permit: Permit,
    draft: Draft,
    worker_context: &WorkerContext,
) -> Result<Publishing, ShuttingDown> {
    let now_ms = worker_context.clock.now().wall_ms;
    // Checked again: a shutdown may have begun while the body arrived, and the subscribers are disconnected by now.
    worker_context.admission.publish(|| worker_context.engine.publish(permit, draft, now_ms))
}

/// A header, or else a parameter of the query.
fn named<'a>(
    request: &'a HttpRequest,
    query: &'a Query,
    name: &str,
) -> Result<Option<&'a str>, ProblemResponse> {
    let Some(value) = request.headers().get(name) else { return Ok(query.one(name)) };
    let text = std::str::from_utf8(value.as_bytes());
    text.map(Some)
        .map_err(|_| ProblemResponse::new(ErrorCode::BadRequest, format!("{name} is not UTF-8")))
}

/// The publisher's name for its message: the header, bare or quoted, or else a parameter.
///
/// The header is a string of [RFC 9651 §3.3.3] in [its draft], but most clients send it bare.
///
/// [RFC 9651 §3.3.3]: https://www.rfc-editor.org/rfc/rfc9651#section-3.3.3
/// [its draft]: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header-07
fn idempotency_key(request: &HttpRequest, query: &Query) -> Result<Option<Label>, ProblemResponse> {
    if !request.headers().contains_key("Idempotency-Key") {
        return Ok(parse_label("idempotency_key", query.one("idempotency_key"))?);
    }
    let text = named(request, query, "Idempotency-Key")?.unwrap_or_default();
    let bare = bare(text).ok_or_else(|| {
        let message = "Idempotency-Key begins with a quote but is not a quoted string";
        ProblemResponse::new(ErrorCode::BadRequest, message)
    })?;
    Ok(parse_label("Idempotency-Key", Some(&bare))?)
}

/// A text without its quotes, if it has any; `None` if they are not as they have to be.
fn bare(text: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = text.strip_prefix('"') else { return Some(text.into()) };
    let (mut bare, mut rest) = (String::new(), quoted.chars());
    loop {
        match rest.next()? {
            '"' => break,
            '\\' => bare.push(rest.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            plain @ ' '..='~' => bare.push(plain),
            _ => return None,
        }
    }
    rest.next().is_none().then_some(bare.into())
}

/// What a body is, by what it says it is; one that says nothing, or what `curl -d` says, is text.
fn content(request: &HttpRequest, body: Vec<u8>) -> Result<Content, ProblemResponse> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence == "application/json" || essence.ends_with("+json");
    let is_text = matches!(&*essence, "" | "application/x-www-form-urlencoded")
        || essence.starts_with("text/");
    if !is_json && !is_text {
        return Ok(Content::Binary(body.into()));
    }
    let text = String::from_utf8(body).map_err(|_| {
        let message = "the body is not UTF-8; send bytes as application/octet-stream";
        ProblemResponse::new(ErrorCode::BadData, message)
    })?;
    if is_text {
        return Ok(Content::Text(text.into()));
    }
    let json = protocol::json_text(&text).map_err(|error| {
        ProblemResponse::new(ErrorCode::BadData, format!("the body is not JSON: {error}"))
    })?;
    Ok(Content::Json(json.into()))
}

/// Reads a body of at most `bytes_max`, refusing a longer one at its head if that says so. What comes with it holds its
/// place in the account of unfinished input, for as long as the body is needed.
pub(super) async fn read_body(
    request: &HttpRequest,
    mut payload: web::Payload,
    bytes_max: usize,
    worker_context: &WorkerContext,
) -> Result<(ReceiveBuffer, Held), ProblemResponse> {
    let declared = check_length(request.headers(), bytes_max)?;
    let read = async {
        let mut body = ReceiveBuffer::new(declared.unwrap_or(bytes_max));
        let mut held = worker_context.http.in_flight.input.open();
        loop {
            let next = poll_fn(|context| match held.poll_notice(context) {
                Poll::Ready(full) => Poll::Ready(Err(full)),
                Poll::Pending => payload.poll_next_unpin(context).map(Ok),
            });
            let Some(chunk) = next.await? else { return Ok((body, held)) };
            let chunk = chunk.map_err(|error| {
                ProblemResponse::new(
                    ErrorCode::BadRequest,
                    format!("the body cannot be read: {error}"),
                )
            })?;
            let bytes = body.bytes().len() + chunk.len();
            if bytes > bytes_max {
                return Err(too_large(bytes_max));
            }
            // Before the room is there.
            held.hold(ReceiveBuffer::footprint(bytes))?;
            body.extend(&chunk).map_err(|error| {
                let message = format!("there is no memory for the body: {error}; try again later");
                ProblemResponse::new(ErrorCode::Unavailable, message)
            })?;
        }
    };
    let read = tokio::time::timeout(worker_context.http.body_wait, read);
    tokio::select! {
        biased;
        read = read => read.unwrap_or_else(|_| {
            let message = format!("the body took longer than {:?} to arrive", worker_context.http.body_wait);
            Err(ProblemResponse::new(ErrorCode::Timeout, message))
        }),
        // It would be refused once it has arrived, so no client should have to send it.
        () = worker_context.admission.shutdown_begun() => Err(ShuttingDown.into()),
    }
}

/// Refuses a body at its head if that says that it is longer than `bytes_max`. Returns the length that it says.
pub(super) fn check_length(
    headers: &HeaderMap,
    bytes_max: usize,
) -> Result<Option<usize>, ProblemResponse> {
    let declared = headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let declared = declared.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    match declared {
        Some(bytes) if bytes > bytes_max => Err(too_large(bytes_max)),
        declared => Ok(declared),
    }
}

fn too_large(bytes_max: usize) -> ProblemResponse {
    let message = format!("the body is too large; at most {bytes_max} bytes are allowed");
    ProblemResponse::new(ErrorCode::PayloadTooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_the_same_bare_and_quoted() {
        for (text, expected) in [
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            (r#""8e03978e-40d5""#, Some("8e03978e-40d5")),
            (r#""a \"b\" \\""#, Some(r#"a "b" \"#)),
            (r#"a"b"#, Some(r#"a"b"#)),
            (r#""""#, Some("")),
            (r#"""#, None),
            (r#""a"#, None),
            (r#""a"b"#, None),
            (r#""\a""#, None),
            ("\"\u{e9}\"", None),
        ] {
            assert_eq!(bare(text).as_deref(), expected, "{text}");
        }
    }
}
