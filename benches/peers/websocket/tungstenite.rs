//! tungstenite: the blocking socket, read until all messages have arrived.

use super::ours_owned::unmasked;
use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use crate::pipe::Pipe;
use bytes::Bytes;
use std::hint::black_box;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

pub(crate) struct Decode {
    input: Input,
    pipe: Pipe,
    socket: WebSocket<Pipe>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        let socket = WebSocket::from_raw_socket(pipe.clone(), Role::Server, None);
        Self { input, pipe, socket }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        for _ in 0..self.input.messages {
            match self.socket.read().unwrap() {
                Message::Text(text) => observer.receive(text.as_bytes()),
                Message::Binary(bytes) => observer.receive(&bytes),
                message => panic!("{message:?}"),
            }
        }
    }
}

pub(crate) struct Encode {
    payload: Bytes,
    messages: usize,
    pipe: Pipe,
    socket: WebSocket<Pipe>,
}

impl Encode {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let pipe = Pipe::default();
        let socket = WebSocket::from_raw_socket(pipe.clone(), Role::Server, None);
        Self { payload: Bytes::copy_from_slice(payload), messages, pipe, socket }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        self.pipe.clear();
        for _ in 0..self.messages {
            self.socket.write(Message::Binary(black_box(&self.payload).clone())).unwrap();
        }
        self.socket.flush().unwrap();
        self.pipe.written(|output| observer.receive(output));
    }
}

/// The same as a client.
pub(crate) struct EncodeMasked {
    payload: Bytes,
    messages: usize,
    pipe: Pipe,
    socket: WebSocket<Pipe>,
}

impl EncodeMasked {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let pipe = Pipe::default();
        let socket = WebSocket::from_raw_socket(pipe.clone(), Role::Client, None);
        Self { payload: Bytes::copy_from_slice(payload), messages, pipe, socket }
    }
}

impl Work for EncodeMasked {
    fn run(&mut self, observer: &mut impl Observer) {
        self.pipe.clear();
        for _ in 0..self.messages {
            self.socket.write(Message::Binary(black_box(&self.payload).clone())).unwrap();
        }
        self.socket.flush().unwrap();
        self.pipe.written(|output| observer.receive(unmasked(output, &self.payload)));
    }
}
