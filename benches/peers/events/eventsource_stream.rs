//! eventsource-stream: its stream over a stream of bytes.

use super::Reads;
use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use eventsource_stream::EventStream;
use futures_util::{FutureExt as _, StreamExt as _};
use std::pin::Pin;

pub(crate) struct Decode {
    input: Input,
    stream: Pin<Box<EventStream<Reads>>>,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, stream: Box::pin(EventStream::new(Reads(input))) }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.stream = Box::pin(EventStream::new(Reads(self.input)));
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            while let Some(event) = self.stream.next().await {
                let event = event.unwrap();
                observer.receive_event(&event.id, &event.event, event.data.as_bytes());
            }
        };
        all_received.now_or_never().unwrap();
    }
}
