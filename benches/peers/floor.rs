//! The floors: what any codec must do with the bytes, and nothing else.

use crate::case::Work;
use crate::input::Input;
use crate::observer::Observer;
use std::hint::black_box;

/// Moves the bytes once.
pub(crate) struct Copy {
    input: Input,
    output: Vec<u8>,
}

impl Copy {
    pub(crate) fn new(input: Input) -> Self {
        Self { input, output: Vec::with_capacity(input.wire.len()) }
    }
}

impl Work for Copy {
    fn run(&mut self, _: &mut impl Observer) {
        self.output.clear();
        self.output.extend_from_slice(black_box(self.input.wire));
    }
}

/// Changes every byte once, in words that the compiler makes vectors of.
pub(crate) struct ExclusiveOr(Vec<u8>);

impl ExclusiveOr {
    pub(crate) fn new(input: Input) -> Self {
        Self(input.wire.to_vec())
    }
}

impl Work for ExclusiveOr {
    fn run(&mut self, _: &mut impl Observer) {
        let (words, _) = black_box(&mut *self.0).as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ 0x37FA_213D_37FA_213D).to_ne_bytes();
        }
    }
}

/// Checks the text of each message with `simdutf8`.
pub(crate) struct CheckText {
    payload: String,
    messages: usize,
}

impl CheckText {
    pub(crate) fn new(payload: &str, messages: usize) -> Self {
        Self { payload: payload.to_owned(), messages }
    }
}

impl Work for CheckText {
    fn run(&mut self, _: &mut impl Observer) {
        for _ in 0..self.messages {
            let text = simdutf8::basic::from_utf8(black_box(self.payload.as_bytes()));
            black_box(text.is_ok());
        }
    }
}

/// Finds the end of every line with `memchr`.
pub(crate) struct FindLines(pub(crate) Input);

impl Work for FindLines {
    fn run(&mut self, _: &mut impl Observer) {
        black_box(memchr::memchr2_iter(b'\r', b'\n', black_box(self.0.wire)).count());
    }
}

/// Copies each payload into a buffer that is used again.
pub(crate) struct CopyEach {
    payload: &'static [u8],
    messages: usize,
    output: Vec<u8>,
}

impl CopyEach {
    pub(crate) fn new(payload: &'static [u8], messages: usize) -> Self {
        Self { payload, messages, output: Vec::new() }
    }
}

impl Work for CopyEach {
    fn run(&mut self, _: &mut impl Observer) {
        self.output.clear();
        for _ in 0..self.messages {
            self.output.extend_from_slice(black_box(self.payload));
        }
        black_box(&self.output);
    }
}

/// Copies what each read leaves of a message that it has cut, which joining the two parts takes.
pub(crate) struct CopyTails {
    wire: &'static [u8],
    /// Where each read's last message begins, and where the read ends.
    tails: Vec<(usize, usize)>,
    room: Vec<u8>,
}

impl CopyTails {
    pub(crate) fn new(input: Input) -> Self {
        let frame_bytes = input.wire.len() / input.messages;
        let ends = (1..=input.reads().count()).map(|read| read * input.read_bytes);
        let tails = ends.map(|end| {
            let end = end.min(input.wire.len());
            (end - end % frame_bytes, end)
        });
        Self { wire: input.wire, tails: tails.collect(), room: vec![0; input.read_bytes] }
    }
}

impl Work for CopyTails {
    fn run(&mut self, _: &mut impl Observer) {
        for (start, end) in black_box(&self.tails) {
            let tail = &self.wire[*start..*end];
            self.room[..tail.len()].copy_from_slice(tail);
            black_box(&mut self.room);
        }
    }
}
