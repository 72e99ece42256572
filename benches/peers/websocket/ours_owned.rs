//! `ws-frame` where its peers are: reading from the pipe, or handing out owned messages.

use crate::case::Work;
use crate::input::{Input, PACKET_BYTES};
use crate::observer::Observer;
use crate::pipe::Pipe;
use bytes::BytesMut;
use futures_util::FutureExt as _;
use std::hint::black_box;
use std::io::Read as _;
use tokio_util::codec::Decoder as _;
use ws_frame::deflate::{Deflater, Direction, Level};
use ws_frame::tokio::WebSocket;
use ws_frame::{
    Connection, Decoder, Encoder, Event, Limits, Masked, MessageCodec, OsMasks, OwnedEvent, Role,
};

/// Messages that a packet cuts are not handed out before they are whole.
fn limits(input: Input) -> Limits {
    let limits = Limits::new();
    if input.read_bytes == PACKET_BYTES { limits.whole_bytes_max(1 << 10) } else { limits }
}

/// The socket: owned messages out of the pipe.
pub(crate) struct Receive {
    input: Input,
    pipe: Pipe,
    socket: WebSocket<Pipe>,
}

impl Receive {
    pub(crate) fn new(input: Input) -> Self {
        let pipe = Pipe::default();
        let connection = Connection::server(limits(input));
        Self { input, pipe: pipe.clone(), socket: WebSocket::from_parts(pipe, connection) }
    }
}

impl Work for Receive {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let all_received = async {
            for _ in 0..self.input.messages {
                observer.receive(self.socket.receive().await.unwrap().unwrap().as_bytes());
            }
        };
        all_received.now_or_never().unwrap();
    }
}

/// The codec for `Framed`: owned events out of buffers that are ready made.
pub(crate) struct Codec {
    input: Input,
    /// What each read brings; the first buffer takes in the others.
    reads: Vec<BytesMut>,
    codec: MessageCodec,
}

impl Codec {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, reads: Vec::new(), codec: MessageCodec::server(limits(input)) }
    }
}

impl Work for Codec {
    fn prepare(&mut self) {
        self.reads = self.input.reads().map(BytesMut::from).collect();
    }

    fn run(&mut self, observer: &mut impl Observer) {
        let mut reads = self.reads.iter_mut();
        let receive = reads.next().unwrap();
        loop {
            while let Some(event) = self.codec.decode(receive).unwrap() {
                match event {
                    OwnedEvent::Message(message) => observer.receive(message.as_bytes()),
                    event => panic!("{event:?}"),
                }
            }
            let Some(read) = reads.next() else { return };
            receive.extend_from_slice(read);
        }
    }
}

/// The decoder, in place in a buffer that the caller fills from the pipe.
pub(crate) struct DecodePipe {
    input: Input,
    pipe: Pipe,
    receive: Vec<u8>,
    decoder: Decoder,
}

impl DecodePipe {
    pub(crate) fn new(input: Input) -> Self {
        let room = ROOM_BYTES_MIN.max(input.wire.len() / input.messages + 16);
        let decoder = Decoder::new(Role::Server);
        Self { input, pipe: Pipe::default(), receive: vec![0; room], decoder }
    }
}

impl Work for DecodePipe {
    fn prepare(&mut self) {
        self.pipe.fill(self.input);
    }

    fn run(&mut self, observer: &mut impl Observer) {
        // A message that fits into the buffer comes whole.
        let limits = Limits::new().whole_bytes_max(u64::MAX);
        let mut filled = 0;
        loop {
            let read = self.pipe.read(&mut self.receive[filled..]).unwrap();
            if read == 0 {
                return;
            }
            filled += read;
            let mut input = &mut self.receive[..filled];
            while let Some(event) = self.decoder.decode(&mut input, &limits).unwrap() {
                match event {
                    Event::Text(text) => observer.receive(text.as_bytes()),
                    Event::Binary(bytes) => observer.receive(bytes),
                    event => panic!("{event:?}"),
                }
            }
            let unfinished = filled - input.len()..filled;
            filled = unfinished.len();
            self.receive.copy_within(unfinished, 0);
        }
    }
}

/// The client's encoder, with masks of the operating system.
pub(crate) struct EncodeMasked {
    payload: &'static [u8],
    messages: usize,
    encoder: Encoder<Masked<OsMasks>>,
    output: Vec<u8>,
}

impl EncodeMasked {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        let encoder = Encoder::client(OsMasks::new().unwrap());
        Self { payload, messages, encoder, output: Vec::new() }
    }
}

impl Work for EncodeMasked {
    fn run(&mut self, observer: &mut impl Observer) {
        self.output.clear();
        for _ in 0..self.messages {
            self.encoder.binary(black_box(self.payload), &mut self.output);
        }
        observer.receive(unmasked(&self.output, self.payload));
    }
}

/// What is the same whatever the masks are: that there are frames at all.
pub(crate) fn unmasked<'a>(output: &[u8], payload: &'a [u8]) -> &'a [u8] {
    assert!(output.len() > payload.len());
    payload
}

/// One deflater for all messages, each of which begins with a fresh context.
pub(crate) struct Deflate {
    payload: &'static [u8],
    messages: usize,
    deflater: Deflater,
    output: Vec<u8>,
}

impl Deflate {
    pub(crate) fn new(payload: &'static [u8], messages: usize, level: Level) -> Self {
        let deflater = Deflater::new(Direction::default(), level);
        Self { payload, messages, deflater, output: Vec::new() }
    }
}

impl Work for Deflate {
    fn run(&mut self, observer: &mut impl Observer) {
        for _ in 0..self.messages {
            self.output.clear();
            self.deflater.deflate(black_box(self.payload), &mut self.output);
        }
        observer.receive(self.payload);
    }
}

/// As much as the peers have.
const ROOM_BYTES_MIN: usize = 64 << 10;
