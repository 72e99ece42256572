//! actix-ws: the message stream of a request, and the session that writes the response body.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use actix_http::body::{BoxBody, MessageBody as _};
use actix_http::error::PayloadError;
use actix_http::header;
use actix_web::{FromRequest as _, dev, test::TestRequest, web};
use actix_ws::{Message, MessageStream, Session};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

pub(crate) struct Decode {
    input: Input,
    arrived: Arrived,
    stream: MessageStream,
    /// Without it the stream would end.
    _body: BoxBody,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let arrived = Arrived::default();
        let (_, stream, body) = open(arrived.clone());
        Self { input, arrived, stream: stream.max_frame_size(BYTES_MAX), _body: body }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        let reads = self.input.reads().map(|read| BytesMut::from(read).freeze());
        self.arrived.0.borrow_mut().extend(reads);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            for _ in 0..self.input.messages {
                match self.stream.next().await.unwrap().unwrap() {
                    Message::Text(text) => observer.receive(text.as_bytes()),
                    Message::Binary(bytes) => observer.receive(&bytes),
                    message => panic!("{message:?}"),
                }
            }
        };
        all_received.now_or_never().unwrap();
    }
}

pub(crate) struct Encode {
    payload: Bytes,
    messages: usize,
    session: Session,
    body: BoxBody,
    output: Vec<u8>,
}

impl Encode {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let (session, _, body) = open(Arrived::default());
        let payload = Bytes::copy_from_slice(payload);
        Self { payload, messages, session, body, output: Vec::new() }
    }

    /// Appends what the body has ready.
    fn poll_body(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(chunk) = Pin::new(&mut self.body).poll_next(&mut context) {
            self.output.extend_from_slice(&chunk.unwrap().unwrap());
        }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        self.output.clear();
        for number in 1..=self.messages {
            let send = self.session.binary(black_box(&self.payload).clone());
            send.now_or_never().unwrap().unwrap();
            if number % QUEUE_MESSAGES == 0 || number == self.messages {
                self.poll_body();
            }
        }
        observer.receive(&self.output);
    }
}

/// What the dispatcher has read, as the payload of the request.
#[derive(Clone, Default)]
struct Arrived(Rc<RefCell<VecDeque<Bytes>>>);

impl Stream for Arrived {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.borrow_mut().pop_front() {
            Some(read) => Poll::Ready(Some(Ok(read))),
            None => Poll::Pending,
        }
    }
}

fn open(arrived: Arrived) -> (Session, MessageStream, BoxBody) {
    let request = TestRequest::default()
        .insert_header((header::UPGRADE, "websocket"))
        .insert_header((header::CONNECTION, "upgrade"))
        .insert_header((header::SEC_WEBSOCKET_VERSION, "13"))
        .insert_header((header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="))
        .to_http_request();
    let mut payload = dev::Payload::from(Box::pin(arrived) as Pin<Box<dyn Stream<Item = _>>>);
    let payload = web::Payload::from_request(&request, &mut payload);
    let payload = payload.now_or_never().unwrap().unwrap();
    let (response, session, stream) = actix_ws::handle(&request, payload).unwrap();
    (session, stream, response.into_body())
}

const BYTES_MAX: usize = 16 << 20;
/// As many as the session's queue takes before a sender has to wait.
const QUEUE_MESSAGES: usize = 32;
