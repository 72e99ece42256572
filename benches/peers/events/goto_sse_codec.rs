//! goto-bus-stop's `sse-codec`, which has our crate's name: its framed reader.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use crate::pipe::Pipe;
use futures_util::{FutureExt as _, StreamExt as _};
use goto_sse_codec::{DecodeStream, Event, decode_stream};

pub(crate) struct Decode {
    input: Input,
    pipe: Pipe,
    stream: DecodeStream<Pipe>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        Self { input, stream: decode_stream(pipe.clone()), pipe }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
        self.stream = decode_stream(self.pipe.clone());
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            for _ in 0..self.input.messages {
                match self.stream.next().await.unwrap().unwrap() {
                    Event::Message { id, event, data } => {
                        let id = id.as_deref().unwrap_or_default();
                        observer.receive_event(id, &event, data.as_bytes());
                    }
                    event => panic!("{event:?}"),
                }
            }
        };
        all_received.now_or_never().unwrap();
    }
}
