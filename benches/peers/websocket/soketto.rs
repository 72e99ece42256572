//! soketto: its receiver with a large read buffer, into a message buffer that is used again.
//!
//! It leaves checking text to its caller. That is done here.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use crate::pipe::Pipe;
use bytes::BytesMut;
use futures_util::FutureExt as _;
use soketto::connection::{Builder, Mode};
use soketto::{Receiver, Sender};

pub(crate) struct Decode {
    input: Input,
    pipe: Pipe,
    receiver: Receiver<Pipe>,
    _sender: Sender<Pipe>,
    message: Vec<u8>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        let mut builder = Builder::new(pipe.clone(), Mode::Server);
        builder.set_buffer(BytesMut::with_capacity(BUFFER_BYTES));
        let (sender, receiver) = builder.finish();
        Self { input, pipe, receiver, _sender: sender, message: Vec::new() }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            for _ in 0..self.input.messages {
                self.message.clear();
                if self.receiver.receive_data(&mut self.message).await.unwrap().is_text() {
                    str::from_utf8(&self.message).unwrap();
                }
                observer.receive(&self.message);
            }
        };
        all_received.now_or_never().unwrap();
    }
}

const BUFFER_BYTES: usize = 64 << 10;
