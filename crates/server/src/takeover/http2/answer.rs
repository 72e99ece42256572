//! One stream from its request to the end of its answer, or to the moment at which a handler takes it.

use super::Common;
use super::request::{Incoming, Leftover, Outgoing};
use crate::socket::{ClientSocket, Http2Stream, Input, Piece, poll_room};
use crate::takeover::early::RefusalBody;
use crate::takeover::handoff::StreamHandoff;
use crate::takeover::socket::ConnectionOptions;
use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::header::{EXPECT, HeaderMap};
use actix_http::{HttpMessage as _, Method, Request, Response, StatusCode};
use bytes::{Buf as _, Bytes};
use futures_util::future::{Either, FutureExt as _, select};
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use tokio::time::timeout;

/// Answers a request. It ends early, and the handler with it, if the client ends the stream.
pub(super) async fn answer(
    incoming: Incoming,
    mut respond: SendResponse<Piece>,
    common: Rc<Common>,
) {
    let ConnectionOptions { timeouts, .. } = &common.options.common;
    // While it waited for its turn the client may have ended it: then it costs nothing more.
    if poll_fn(|context| Poll::Ready(respond.poll_reset(context).is_ready())).await {
        return common.meter.note_reset();
    }
    let (handoff, leftover) = (StreamHandoff::default(), Leftover::default());
    let has_room = incoming.fields() <= FIELDS_MAX;
    let outgoing = incoming.into_request(common.remote, handoff.clone(), &leftover);
    let Some(Outgoing { request, receiver, head_bytes }) = outgoing.filter(|_| has_room) else {
        let status = if has_room { StatusCode::BAD_REQUEST } else { HEAD_TOO_LARGE };
        let refusal = refusal(status, (common.options.common.refuse)(status.as_u16()));
        return finish(refusal, false, respond, &leftover, &common).await;
    };
    let is_head = request.method() == Method::HEAD;
    let handled = handle(request, &mut respond, &leftover, &common);
    let handled = timeout(timeouts.answer, handled).await;
    let response = match handled {
        Ok(Some(response)) => response,
        Ok(None) => return common.meter.note_reset(),
        Err(_) => return respond.send_reset(Reason::CANCEL),
    };
    drop(head_bytes);
    match handoff.take() {
        Some(on_taken) => {
            let input = match receiver {
                Some(receiver) => Input::Frames(receiver, Bytes::new()),
                None => Input::Unread(leftover.take()),
            };
            give(response, input, on_taken, respond, &common);
        }
        None => finish(response, is_head, respond, &leftover, &common).await,
    }
}

/// What the application answers; `None` if the client ends the stream first.
async fn handle(
    request: Request,
    respond: &mut SendResponse<Piece>,
    leftover: &Leftover,
    common: &Common,
) -> Option<Response<BoxBody>> {
    if request.headers().contains_key(EXPECT) {
        if let Err(refused) = (common.options.expect)(&request) {
            return Some(refused);
        }
        let mut informational = http::Response::new(());
        *informational.status_mut() = http::StatusCode::CONTINUE;
        // It fails where the client has ended the stream, which is noticed below.
        let _ = respond.send_informational(informational);
    }
    let mut answered = (common.options.app)(request);
    let handled = poll_fn(|context| {
        if respond.poll_reset(context).is_ready() {
            return Poll::Ready(None);
        }
        let answered = answered.poll_unpin(context);
        // Afterwards, since a handler may have dropped the body just now. It may wait for long without reading.
        let _ = leftover.poll_drain(context);
        answered.map(Some)
    });
    handled.await
}

/// Sends an answer, and reads what is left of the request meanwhile.
async fn finish(
    response: Response<BoxBody>,
    is_head: bool,
    respond: SendResponse<Piece>,
    leftover: &Leftover,
    common: &Common,
) {
    let sent = pin!(send(response, is_head, respond, common));
    let drained = poll_fn(|context| leftover.poll_drain(context));
    match select(sent, drained).await {
        Either::Left(((), drained)) => {
            // The answer has been sent, whatever comes of this.
            let _ = timeout(common.options.common.timeouts.disconnect, drained).await;
        }
        Either::Right(((), sent)) => sent.await,
    }
}

/// Sends the head of an answer, and gives the stream to whom takes it.
fn give(
    response: Response<BoxBody>,
    input: Input,
    on_taken: Box<dyn FnOnce(ClientSocket, Bytes)>,
    mut respond: SendResponse<Piece>,
    common: &Common,
) {
    let head = head_of(&response, BodySize::Stream);
    if let Ok(send) = respond.send_response(head, false) {
        let stream = Http2Stream::new(send, input, common.meter.clone());
        // Its permit counts it from now on.
        drop(common.counted.take());
        on_taken(stream.into(), Bytes::new());
    }
}

/// Sends an answer, as fast as the client takes it.
async fn send(
    response: Response<BoxBody>,
    is_head: bool,
    mut respond: SendResponse<Piece>,
    common: &Common,
) {
    let (response, body) = response.into_parts();
    let size = body.size();
    let is_empty = is_head || matches!(size, BodySize::None | BodySize::Sized(0));
    let head = head_of(&response, size);
    // It fails where the client has ended the stream.
    let Ok(mut stream) = respond.send_response(head, is_empty) else {
        return common.meter.note_reset();
    };
    if !is_empty && send_body(body, &mut stream, common).await.is_err() {
        common.meter.note_reset();
    }
}

/// The stream is over before its answer is.
struct Broken;

async fn send_body(
    body: BoxBody,
    stream: &mut SendStream<Piece>,
    common: &Common,
) -> Result<(), Broken> {
    let mut body = pin!(body);
    loop {
        let chunk = poll_fn(|context| {
            if stream.poll_reset(context).is_ready() {
                return Poll::Ready(Err(Broken));
            }
            body.as_mut().poll_next(context).map(Ok)
        });
        let mut piece = match chunk.await? {
            Some(Ok(bytes)) => Piece::new(bytes, &common.meter),
            Some(Err(error)) => {
                tracing::debug!(%error, "an answer broke off");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            None => {
                let end = Piece::new(Bytes::new(), &common.meter);
                return stream.send_data(end, true).map_err(|_| Broken);
            }
        };
        while piece.has_remaining() {
            let room = poll_fn(|context| poll_room(stream, piece.remaining(), context));
            let room = match timeout(common.options.common.timeouts.stall, room).await {
                Ok(room) => room.map_err(|_| Broken)?,
                Err(_) => {
                    stream.send_reset(Reason::CANCEL);
                    return Ok(());
                }
            };
            stream.send_data(piece.split_to(room), false).map_err(|_| Broken)?;
        }
        stream.reserve_capacity(0);
    }
}

/// The head of an answer, without what HTTP/2 has other means for ([RFC 9113 §8.2.2]).
///
/// [RFC 9113 §8.2.2]: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2
fn head_of<B>(response: &Response<B>, size: BodySize) -> http::Response<()> {
    let mut head = http::Response::new(());
    // Both types have the same statuses and header lines.
    *head.status_mut() = http::StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
    copy_fields(response.headers(), head.headers_mut());
    if let BodySize::Sized(bytes) = size
        && !matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    {
        head.headers_mut().insert(http::header::CONTENT_LENGTH, bytes.into());
    }
    head
}

fn copy_fields(from: &HeaderMap, to: &mut http::HeaderMap) {
    for (name, value) in from {
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value.as_bytes())) {
            to.append(name, value);
        }
    }
}

/// A refusal that is no handler's.
fn refusal(status: StatusCode, refusal: RefusalBody) -> Response<BoxBody> {
    let RefusalBody { header_lines, body } = refusal;
    let mut response = Response::build(status);
    for (name, value) in header_lines.lines().filter_map(|line| line.split_once(": ")) {
        response.insert_header((name, value));
    }
    response.body(body).map_into_boxed_body()
}

const LEFT_OUT: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

const HEAD_TOO_LARGE: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;

/// Header lines of a request, as many as one of HTTP/1.1 may have.
const FIELDS_MAX: usize = 96;
