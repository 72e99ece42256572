//! `sse-codec`: straight from the reads, into a buffer that its caller owns.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use sse_codec::{Block, Item, Parser};
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
