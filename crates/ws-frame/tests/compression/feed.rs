//! Feeds payloads to an inflater in every way they could arrive.

use ws_frame::deflate::{Context, Direction, Inflater, WindowBits};
use ws_frame::{Kind, Limits, Part, Piece, ProtocolError};

pub(crate) const FRESH: Direction =
    Direction { context: Context::Fresh, window_bits: WindowBits::MAX };
pub(crate) const TAKEN_OVER: Direction = Direction { context: Context::TakenOver, ..FRESH };
pub(crate) const BOTH: [Direction; 2] = [FRESH, TAKEN_OVER];

/// What a compressed message holds that comes in these pieces.
pub(crate) fn inflate<'a>(
    inflater: &mut Inflater,
    kind: Kind,
    limits: &Limits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, ProtocolError> {
    let mut pieces = pieces.into_iter().peekable();
    let mut message = b"kept".to_vec();
    let mut begins = true;
    while let Some(payload) = pieces.next() {
        let part = match (begins, pieces.peek().is_none()) {
            (true, true) => Part::Whole,
            (true, false) => Part::First,
            (false, false) => Part::Middle,
            (false, true) => Part::Last,
        };
        inflater.inflate(Piece { kind, part, compressed: true, payload }, limits, &mut message)?;
        begins = false;
    }
    assert!(message.starts_with(b"kept"));
    Ok(message.split_off(4))
}

/// What a message says: whole, byte by byte, in any two pieces, and with empty ones among them.
#[track_caller]
pub(crate) fn inflates(kind: Kind, payload: &[u8], expected: &Result<Vec<u8>, ProtocolError>) {
    for direction in BOTH {
        let receive = |pieces: &[&[u8]]| {
            let mut inflater = Inflater::new(direction);
            inflate(&mut inflater, kind, &Limits::default(), pieces.iter().copied())
        };
        assert_eq!(receive(&[payload]), *expected, "whole, {direction:?}");
        let bytes: Vec<_> = payload.chunks(1).collect();
        assert_eq!(receive(&bytes), *expected, "byte by byte, {direction:?}");
        for cut in 0..=payload.len() {
            let (front, back) = payload.split_at(cut);
            assert_eq!(receive(&[front, back]), *expected, "cut at {cut}, {direction:?}");
            assert_eq!(receive(&[b"", front, b"", back, b""]), *expected, "with empty pieces");
        }
    }
}

/// SplitMix64: good enough to choose by, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A message of up to `len_max` bytes, some of which repeat what is near or far behind.
    pub(crate) fn message(&mut self, len_max: usize) -> Vec<u8> {
        let len = self.below(len_max + 1);
        let mut message = Vec::new();
        while message.len() < len {
            let run = 1 + self.below(40);
            match self.below(3) {
                0 => message.extend((0..run).map(|_| self.next() as u8)),
                1 => message
                    .extend_from_slice(&b"{\"channel\":\"chat.room1\",\"data\":"[..run.min(31)]),
                _ if message.is_empty() => {}
                _ => {
                    let start = self.below(message.len());
                    let end = message.len().min(start + run);
                    message.extend_from_within(start..end);
                }
            }
        }
        message.truncate(len);
        message
    }

    /// The same bytes in pieces.
    pub(crate) fn cut<'a>(&mut self, mut payload: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while pieces.len() < 6 && self.below(2) == 0 {
            let (front, back) = payload.split_at(self.below(payload.len() + 1));
            pieces.push(front);
            payload = back;
        }
        pieces.push(payload);
        pieces
    }
}
