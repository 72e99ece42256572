//! `ws-frame`: in place, from a buffer that its caller owns.

use crate::case::Work;
use crate::input::{Input, PACKET_BYTES};
use crate::observer::Observer;
use std::hint::black_box;
use ws_frame::{Decoder, Event, Limits, Role};

pub(crate) struct Decode {
    input: Input,
    receive: Vec<u8>,
    decoder: Decoder,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, receive: Vec::new(), decoder: Decoder::new(Role::Server) }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.receive.clear();
        self.receive.extend_from_slice(self.input.wire);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let limits = Limits::default();
        let mut input = &mut *self.receive;
        while let Some(event) = self.decoder.decode(&mut input, &limits).unwrap() {
            match event {
                Event::Text(text) => observer.receive(text.as_bytes()),
                Event::Binary(bytes) => observer.receive(bytes),
                event => panic!("{event:?}"),
            }
        }
    }
}

/// Reads into buffers that leave room in front for what the read before left unfinished, a message
/// that is not whole yet included.
pub(crate) struct DecodeReads {
    input: Input,
    receives: Vec<[u8; ROOM_BYTES + PACKET_BYTES]>,
    decoder: Decoder,
}

impl DecodeReads {
    pub(crate) fn new(input: Input) -> Self {
        let receives = input.reads().map(|_| [0; ROOM_BYTES + PACKET_BYTES]).collect();
        Self { input, receives, decoder: Decoder::new(Role::Server) }
    }
}

impl Work for DecodeReads {
    fn prepare(&mut self) {
        for (receive, read) in self.receives.iter_mut().zip(self.input.reads()) {
            receive[ROOM_BYTES..][..read.len()].copy_from_slice(read);
        }
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let limits = Limits::new().whole_bytes_max(1 << 10);
        let mut tail = &mut [][..];
        for (receive, read) in self.receives.iter_mut().zip(self.input.reads()) {
            let start = ROOM_BYTES - tail.len();
            receive[start..ROOM_BYTES].copy_from_slice(tail);
            let mut input = &mut receive[start..ROOM_BYTES + read.len()];
            while let Some(event) = self.decoder.decode(&mut input, &limits).unwrap() {
                match event {
                    Event::Text(text) => observer.receive(text.as_bytes()),
                    event => panic!("{event:?}"),
                }
            }
            tail = input;
        }
    }
}

pub(crate) struct Encode {
    payload: &'static [u8],
    messages: usize,
    output: Vec<u8>,
}

impl Encode {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        Self { payload, messages, output: Vec::new() }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        self.output.clear();
        for _ in 0..self.messages {
            ws_frame::encode_binary(black_box(self.payload), None, &mut self.output);
        }
        observer.receive(&self.output);
    }
}

/// More than the decoder leaves unfinished.
const ROOM_BYTES: usize = 2 << 10;
