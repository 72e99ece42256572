//! tokio-websockets: the stream and the sink of a server, always ready. It finds AVX2 at run time.

use super::ours_owned::unmasked;
use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use crate::pipe::Pipe;
use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use std::hint::black_box;
use tokio_websockets::{ClientBuilder, Message, ServerBuilder, WebSocketStream};

pub(crate) struct Decode {
    input: Input,
    pipe: Pipe,
    socket: WebSocketStream<Pipe>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        let socket = ServerBuilder::new().serve(pipe.clone());
        Self { input, pipe, socket }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            for _ in 0..self.input.messages {
                observer.receive(self.socket.next().await.unwrap().unwrap().as_payload());
            }
        };
        all_received.now_or_never().unwrap();
    }
}

pub(crate) struct Encode {
    payload: Bytes,
    messages: usize,
    pipe: Pipe,
    socket: WebSocketStream<Pipe>,
}

impl Encode {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let pipe = Pipe::default();
        let socket = ServerBuilder::new().serve(pipe.clone());
        Self { payload: Bytes::copy_from_slice(payload), messages, pipe, socket }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        self.pipe.clear();
        let all_written = async {
            for _ in 0..self.messages {
                let message = Message::binary(black_box(&self.payload).clone());
                self.socket.feed(message).await.unwrap();
            }
            self.socket.flush().await.unwrap();
        };
        all_written.now_or_never().unwrap();
        self.pipe.written(|output| observer.receive(output));
    }
}

/// The same as a client.
pub(crate) struct EncodeMasked {
    payload: Bytes,
    messages: usize,
    pipe: Pipe,
    socket: WebSocketStream<Pipe>,
}

impl EncodeMasked {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let pipe = Pipe::default();
        let socket = ClientBuilder::new().take_over(pipe.clone());
        Self { payload: Bytes::copy_from_slice(payload), messages, pipe, socket }
    }
}

impl Work for EncodeMasked {
    fn run(&mut self, observer: &mut impl Observer) {
        self.pipe.clear();
        let all_written = async {
            for _ in 0..self.messages {
                let message = Message::binary(black_box(&self.payload).clone());
                self.socket.feed(message).await.unwrap();
            }
            self.socket.flush().await.unwrap();
        };
        all_written.now_or_never().unwrap();
        self.pipe.written(|output| observer.receive(unmasked(output, &self.payload)));
    }
}
