//! web-socket: its events, over tokio's buffered reader, since it reads a header in three steps.
//!
//! It leaves checking text to its caller. That is done here.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use crate::pipe::Pipe;
use futures_util::FutureExt as _;
use tokio::io::BufReader;
use web_socket::{DataType, Event, MessageType, WebSocket};

pub(crate) struct Decode {
    input: Input,
    pipe: Pipe,
    socket: WebSocket<BufReader<Pipe>>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        let socket = WebSocket::server(BufReader::with_capacity(BUFFER_BYTES, pipe.clone()));
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
                let Event::Data { data, ty } = self.socket.recv().await.unwrap() else {
                    panic!("no message")
                };
                if matches!(ty, DataType::Complete(MessageType::Text)) {
                    str::from_utf8(&data).unwrap();
                }
                observer.receive(&data);
            }
        };
        all_received.now_or_never().unwrap();
    }
}

const BUFFER_BYTES: usize = 64 << 10;
