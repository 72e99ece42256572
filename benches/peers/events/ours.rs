//! `sse-codec`: straight from the reads, into a buffer that its caller owns.

use super::Reads;
use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use futures_util::{FutureExt as _, StreamExt as _};
use sse_codec::{Block, EventStream, Item, Parser};
use std::hint::black_box;

pub(crate) struct Decode {
    input: Input,
    parser: Parser,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, parser: Parser::new() }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.parser = Parser::new();
    }

    fn run(&mut self, observer: &mut impl Observer) {
        for mut read in self.input.reads() {
            while let Some(item) = self.parser.parse(&mut read).unwrap() {
                match item {
                    Item::Event(event) => {
                        let data = event.data.as_bytes();
                        observer.receive_event(event.last_event_id, event.name, data);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

/// The same through a stream, into events that are owned.
pub(crate) struct Own {
    input: Input,
    stream: EventStream<Reads>,
}

impl Own {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, stream: EventStream::new(Reads(input)) }
    }
}

impl Work for Own {
    fn prepare(&mut self) {
        self.stream = EventStream::new(Reads(self.input));
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            while let Some(event) = self.stream.next().await {
                let event = event.unwrap();
                let (id, data) = (event.last_event_id(), event.data().as_bytes());
                observer.receive_event(id, event.name(), data);
            }
        };
        all_received.now_or_never().unwrap();
    }
}

pub(crate) struct Encode {
    block: Block<'static>,
    messages: usize,
    output: Vec<u8>,
}

impl Encode {
    pub(crate) fn new(block: Block<'static>, messages: usize) -> Self {
        Self { block, messages, output: Vec::new() }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        self.output.clear();
        for _ in 0..self.messages {
            let start = self.output.len();
            black_box(self.block).encode(&mut self.output).unwrap();
            observer.receive_written(&self.output[start..]);
        }
    }
}
