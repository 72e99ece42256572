//! yawc: its codec, which hands out frames; the messages here are a frame each.
//!
//! The layer above it checks text, with `simdutf8` if asked to. That is done here.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use bytes::{Bytes, BytesMut};
use std::hint::black_box;
use tokio_util::codec::{Decoder as _, Encoder as _};
use yawc::codec::{Decoder, Encoder};
use yawc::{Frame, OpCode, Role};

pub(crate) struct Decode {
    input: Input,
    /// What each read brings; the first buffer takes in the others.
    reads: Vec<BytesMut>,
    codec: Decoder,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, reads: Vec::new(), codec: Decoder::new(Role::Server, BYTES_MAX) }
    }
}

impl Work for Decode {
    fn prepare(&mut self) {
        self.reads = self.input.reads().map(BytesMut::from).collect();
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let mut reads = self.reads.iter_mut();
        let receive = reads.next().unwrap();
        loop {
            while let Some(frame) = self.codec.decode(receive).unwrap() {
                if frame.opcode() == OpCode::Text {
                    simdutf8::basic::from_utf8(frame.payload()).unwrap();
                }
                observer.receive(frame.payload());
            }
            let Some(read) = reads.next() else { return };
            receive.extend_from_slice(read);
        }
    }
}

pub(crate) struct Encode {
    payload: Bytes,
    messages: usize,
    output: BytesMut,
    codec: Encoder,
}

impl Encode {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let payload = Bytes::copy_from_slice(payload);
        Self { payload, messages, output: BytesMut::new(), codec: Encoder::new(Role::Server) }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        self.output.clear();
        for _ in 0..self.messages {
            let frame = Frame::binary(black_box(&self.payload).clone());
            self.codec.encode(frame, &mut self.output).unwrap();
        }
        observer.receive(&self.output);
    }
}

const BYTES_MAX: usize = 16 << 20;
