//! actix-http: its codec, which actix-ws and actix-web-actors read and write through.
//!
//! The layers above it check text, with the standard library. That is done here.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use actix_http::ws::{Codec, Frame, Message};
use bytes::{Bytes, BytesMut};
use std::hint::black_box;
use tokio_util::codec::{Decoder as _, Encoder as _};

pub(crate) struct Decode {
    input: Input,
    /// What each read brings; the first buffer takes in the others.
    reads: Vec<BytesMut>,
    codec: Codec,
}

impl Decode {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, reads: Vec::new(), codec: Codec::new().max_size(BYTES_MAX) }
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
                match frame {
                    Frame::Text(bytes) => {
                        observer.receive(str::from_utf8(&bytes).unwrap().as_bytes())
                    }
                    Frame::Binary(bytes) => observer.receive(&bytes),
                    frame => panic!("{frame:?}"),
                }
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
    codec: Codec,
}

impl Encode {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let payload = Bytes::copy_from_slice(payload);
        Self { payload, messages, output: BytesMut::new(), codec: Codec::new() }
    }
}

impl Work for Encode {
    fn run(&mut self, observer: &mut impl Observer) {
        self.output.clear();
        for _ in 0..self.messages {
            let message = Message::Binary(black_box(&self.payload).clone());
            self.codec.encode(message, &mut self.output).unwrap();
        }
        observer.receive(&self.output);
    }
}

const BYTES_MAX: usize = 16 << 20;
