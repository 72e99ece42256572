//! async-sse: its decoder over a buffered reader. What it hands out as data is bytes.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use crate::pipe::Pipe;
use async_sse::{Decoder, Event, decode};
use futures_util::{FutureExt as _, StreamExt as _};

pub(crate) struct Decode {
    input: Input,
    pipe: Pipe,
    stream: Decoder<Pipe>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        Self { input, stream: decode(pipe.clone()), pipe }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
        self.stream = decode(self.pipe.clone());
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            for _ in 0..self.input.messages {
                match self.stream.next().await.unwrap().unwrap() {
                    Event::Message(message) => {
                        let id = message.id().as_deref().unwrap_or_default();
                        observer.receive_event(id, message.name(), message.data());
                    }
                    event => panic!("{event:?}"),
                }
            }
        };
        all_received.now_or_never().unwrap();
    }
}
