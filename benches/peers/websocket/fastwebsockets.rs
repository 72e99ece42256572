//! fastwebsockets: its collector of fragments, which is how it reads whole messages.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use crate::pipe::Pipe;
use fastwebsockets::{FragmentCollector, Frame, Payload, Role, WebSocket};
use futures_util::FutureExt as _;
use std::hint::black_box;

pub(crate) struct Decode {
    input: Input,
    pipe: Pipe,
    socket: FragmentCollector<Pipe>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        let socket = WebSocket::after_handshake(pipe.clone(), Role::Server);
        Self { input, pipe, socket: FragmentCollector::new(socket) }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            for _ in 0..self.input.messages {
                observer.receive(&self.socket.read_frame().await.unwrap().payload);
            }
        };
        all_received.now_or_never().unwrap();
    }
}

pub(crate) struct Encode {
    payload: &'static [u8],
    messages: usize,
    pipe: Pipe,
    socket: WebSocket<Pipe>,
}

impl Encode {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let pipe = Pipe::default();
        let socket = WebSocket::after_handshake(pipe.clone(), Role::Server);
        Self { payload, messages, pipe, socket }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        self.pipe.clear();
        let all_written = async {
            for _ in 0..self.messages {
                let frame = Frame::binary(Payload::Borrowed(black_box(self.payload)));
                self.socket.write_frame(frame).await.unwrap();
            }
        };
        all_written.now_or_never().unwrap();
        self.pipe.written(|output| observer.receive(output));
    }
}
