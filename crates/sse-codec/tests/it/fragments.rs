//! Seeded mixtures of fragments that have a meaning for a parser, and their generator.

/// SplitMix64: small, seedable, and any seed will do.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn text(&mut self, pieces: &[&str], pieces_max: usize) -> String {
        (0..self.below(pieces_max + 1)).map(|_| self.pick(pieces)).collect()
    }

    pub(crate) fn soup(&mut self, fragments_max: usize) -> Vec<u8> {
        let count = self.below(fragments_max + 1);
        (0..count).flat_map(|_| self.pick(FRAGMENTS).iter().copied()).collect()
    }

    /// Cuts `wire` into pieces of 0 to `piece_len_max` bytes.
    pub(crate) fn cut<'a>(&mut self, wire: &'a [u8], piece_len_max: usize) -> Vec<&'a [u8]> {
        let mut rest = wire;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let len = self.below(piece_len_max + 1).min(rest.len());
            let (piece, after) = rest.split_at(len);
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}

const FRAGMENTS: &[&[u8]] = &[
    b"\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\r",
    b"\r\n\r\n",
    b"\n\r",
    b"data",
    b"data:",
    b"data: ",
    b"data:a",
    b"data: b\n",
    b"data:c\n\n",
    b"dat",
    b"datax:",
    b"Data:d\n",
    b"event",
    b"event:",
    b"event: e\n",
    b"event:message\n",
    b"eve",
    b"id",
    b"id:",
    b"id: 1\n",
    b"id:\0\n",
    b"id\n",
    b"i",
    b"retry",
    b"retry:",
    b"retry: 20\n",
    b"retry:x\n",
    b"retry:-1\n",
    b"retry:99999999999999999999999\n",
    b":",
    b": comment\n",
    b" ",
    b"  ",
    b"\0",
    b"x",
    b"unknown: u\n",
    b"\t",
    b"0",
    b"7",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xBB",
    b"\xBF",
    b"\xEF\xBB",
    b"\xC3\xA9",
    b"\xC3",
    b"\xA9",
    b"\xE2\x80\xA6",
    b"\xE2\x80",
    b"\xF0\x9F\xA6\x80",
    b"\xF0\x9F\xA6",
    b"\xF0\x9F",
    b"\xF0",
    b"\xFF",
    b"\xC0\x80",
    b"\xED\xA0\x80",
    b"\xF4\x90\x80\x80",
    b"0123456789012345678901234567890123456789",
];
