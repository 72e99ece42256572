//! sse-stream: its stream over a stream of bytes, and an event's `encode`.

use super::Reads;
use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use futures_util::{FutureExt as _, StreamExt as _};
use sse_codec::Block;
use sse_stream::{Sse, SseByteStream};
use std::hint::black_box;

pub(crate) struct Decode {
    input: Input,
    stream: SseByteStream<Reads>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, stream: SseByteStream::new(Reads(input)) }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.stream = SseByteStream::new(Reads(self.input));
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            while let Some(event) = self.stream.next().await {
                let Sse { event, data, id, .. } = event.unwrap();
                let (id, event) = (id.as_deref(), event.as_deref());
                let data = data.as_deref().unwrap_or_default();
                let (id, event) = (id.unwrap_or_default(), event.unwrap_or("message"));
                observer.receive_event(id, event, data.as_bytes());
            }
        };
        all_received.now_or_never().unwrap();
    }
}

/// From borrowed text to bytes, as ours: the peer wants to own the fields.
pub(crate) struct Encode {
    block: Block<'static>,
    messages: usize,
}

impl Encode {
    pub(crate) fn new(block: Block<'static>, messages: usize) -> Self {
        Self { block, messages }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        for _ in 0..self.messages {
            observer.receive_written(&owned(black_box(self.block)).encode().unwrap());
        }
    }
}

/// From fields that are owned already to bytes.
pub(crate) struct EncodeOwned {
    event: Sse,
    messages: usize,
    events: Vec<Sse>,
}

impl EncodeOwned {
    pub(crate) fn new(block: Block<'static>, messages: usize) -> Self {
        Self { event: owned(block), messages, events: Vec::new() }
    }
}

impl Work for EncodeOwned {
    fn prepare(&mut self) {
        self.events.resize(self.messages, self.event.clone());
    }

    fn run(&mut self, observer: &mut impl Observer) {
        for event in self.events.drain(..) {
            observer.receive_written(&black_box(event).encode().unwrap());
        }
    }
}

fn owned(block: Block<'_>) -> Sse {
    let own = |text: &str| text.to_owned();
    Sse {
        id: block.id.map(own),
        event: block.name.map(own),
        data: block.data.map(own),
        retry: None,
    }
}
