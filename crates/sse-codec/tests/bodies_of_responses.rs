//! A stream of events as the body of a response: the bytes, the headers, and what ends it.

#![allow(clippy::unwrap_used, reason = "a test may")]

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use sse_codec::body::{AsBlock, EventBody, EventBodyError, HEADERS};
use sse_codec::{Block, EncodeError, OwnedEvent};
use std::{error::Error as _, io, pin::Pin};

fn events() -> impl Stream<Item = io::Result<OwnedEvent>> + Unpin + Send + 'static {
    stream::iter([
        Ok(OwnedEvent::new("said", "a\nb", Some("7"))),
        Ok(OwnedEvent::new("", "c", None)),
    ])
}

const WIRE: &str = "id: 7\nevent: said\ndata: a\ndata: b\n\ndata: c\n\n";

type Polled<T> = Option<Option<T>>;

/// What is ready of a stream: nothing yet, an item or its end.
fn poll<S: Stream + Unpin>(stream: &mut S) -> Polled<S::Item> {
    stream.next().now_or_never()
}

#[test]
fn what_is_ready_comes_in_one_piece() {
    let mut body = EventBody::new(events());
    assert_eq!(poll(&mut body).unwrap().unwrap().unwrap(), WIRE);
    assert!(poll(&mut body).unwrap().is_none());
}

#[test]
fn a_long_stream_comes_in_pieces_of_some_kilobytes() {
    let event = "x".repeat(1_000);
    let events = stream::iter(vec![event.as_str(); 100]).map(Ok::<_, io::Error>);
    let pieces: Vec<_> = EventBody::new(events).collect::<Vec<_>>().now_or_never().unwrap();
    let lens: Vec<usize> = pieces.iter().map(|piece| piece.as_ref().unwrap().len()).collect();
    assert!(lens.iter().all(|len| *len <= (16 << 10) + 1_008), "{lens:?}");
    assert_eq!((lens.len(), lens.iter().sum::<usize>()), (6, 100 * 1_008));
}

#[test]
fn an_error_comes_after_what_was_written_before_it_and_ends_the_body() {
    let events = stream::iter([Ok("a"), Err(io::Error::other("gone")), Ok("b")]);
    let mut body = EventBody::new(events);
    assert_eq!(poll(&mut body).unwrap().unwrap().unwrap(), "data: a\n\n");
    let error = poll(&mut body).unwrap().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the stream of events failed");
    assert_eq!(error.source().unwrap().to_string(), "gone");
    assert!(poll(&mut body).unwrap().is_none());
}

#[test]
fn an_event_that_would_forge_a_line_ends_the_body() {
    let forged = Block::new().id("1\ndata: forged").data("x");
    let events = stream::iter([Ok::<_, io::Error>(Block::new().data("a")), Ok(forged)]);
    let mut body = EventBody::new(events);
    assert_eq!(poll(&mut body).unwrap().unwrap().unwrap(), "data: a\n\n");
    let error = poll(&mut body).unwrap().unwrap().unwrap_err();
    assert!(matches!(error, EventBodyError::Encode(EncodeError::Id)), "{error:?}");
    assert!(poll(&mut body).unwrap().is_none());
}

#[test]
fn a_tick_keeps_a_quiet_body_alive_and_is_left_out_where_an_event_is_ready() {
    let quiet = stream::pending::<Result<&str, io::Error>>();
    let mut body = EventBody::new(quiet).keep_alive(stream::iter([(), ()]));
    for _ in 0..2 {
        assert_eq!(poll(&mut body).unwrap().unwrap().unwrap(), ":\n\n");
    }
    assert!(poll(&mut body).is_none());
    let mut body = EventBody::new(events()).keep_alive(stream::repeat(()));
    assert_eq!(poll(&mut body).unwrap().unwrap().unwrap(), WIRE);
    assert!(poll(&mut body).unwrap().is_none());
}

#[test]
fn a_text_is_data_and_an_event_keeps_its_own_id_only() {
    assert_eq!("a\nb".as_block(), Block::new().data("a\nb"));
    assert_eq!(String::from("a").as_block(), Block::new().data("a"));
    let mut parser = sse_codec::Parser::new().with_last_event_id("42");
    let item = parser.parse_owned(&mut &b"event: e\ndata: x\n\n"[..]).unwrap().unwrap();
    let sse_codec::OwnedItem::Event(event) = item else { unreachable!() };
    assert_eq!(event.as_block(), Block::new().name("e").data("x"));
}

#[cfg(feature = "http-body")]
#[test]
fn a_body_of_http_has_frames_of_data() {
    use http_body::Body as _;
    let mut body = Pin::new(Box::new(EventBody::new(events())));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(frame) = body.as_mut().poll_frame(&mut context) else {
        unreachable!("it is ready")
    };
    assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), WIRE);
}

#[cfg(feature = "axum")]
#[test]
fn a_handler_of_axum_returns_it() {
    use axum_core::response::IntoResponse as _;
    let response = EventBody::new(events()).into_response();
    assert_eq!(response.status(), 200);
    for (name, value) in HEADERS {
        assert_eq!(response.headers()[name], value);
    }
    let mut body = response.into_body().into_data_stream();
    assert_eq!(poll(&mut body).unwrap().unwrap().unwrap(), WIRE);
}

#[cfg(feature = "actix-web")]
#[test]
fn a_handler_of_actix_web_returns_it() {
    use actix_web::{Responder as _, body, test::TestRequest};
    let request = TestRequest::default().to_http_request();
    let response = EventBody::new(events()).respond_to(&request);
    assert_eq!(response.status(), 200);
    for (name, value) in HEADERS {
        assert_eq!(response.headers().get(name).unwrap(), value);
    }
    let bytes = body::to_bytes(response.into_body()).now_or_never().unwrap();
    assert_eq!(bytes.unwrap(), WIRE);
}
