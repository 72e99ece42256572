//! A second opinion on deflated data: RFC 1951 bit by bit, and how far back it refers.

/// What a stream holds, as far as it goes, and the farthest it refers back.
pub(crate) struct Naive {
    pub(crate) output: Vec<u8>,
    pub(crate) distance_max: usize,
}

impl Naive {
    /// Reads a stream of whole blocks; after a final one another stream begins.
    ///
    /// What it refers to may lie in `before`. Returns `None` when the data is invalid.
    pub(crate) fn read(before: &[u8], input: &[u8]) -> Option<Self> {
        let mut naive = Self { output: before.to_vec(), distance_max: 0 };
        let mut bits = Bits { input, position: 0 };
        while bits.position < input.len() * 8 {
            let is_final = bits.take(1)? == 1;
            match bits.take(2)? {
                0 => naive.stored(&mut bits)?,
                1 => naive.coded(&mut bits, &fixed_literals(), &Code::new(&[5; 30]))?,
                2 => {
                    let (literals, distances) = dynamic_codes(&mut bits)?;
                    naive.coded(&mut bits, &literals, &distances)?;
                }
                _ => return None,
            }
            if is_final {
                bits.align();
            }
        }
        naive.output.drain(..before.len());
        Some(naive)
    }

    fn stored(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        bits.align();
        let len = bits.take(16)?;
        (bits.take(16)? == len ^ 0xFFFF).then_some(())?;
        (0..len).try_for_each(|_| bits.take(8).map(|byte| self.output.push(byte as u8)))
    }

    fn coded(&mut self, bits: &mut Bits<'_>, literals: &Code, distances: &Code) -> Option<()> {
        loop {
            match literals.take(bits)? {
                256 => return Some(()),
                literal @ 0..256 => self.output.push(literal as u8),
                symbol => {
                    let (base, extra) = *LENGTHS.get(symbol - 257)?;
                    let len = base + bits.take(extra)?;
                    let (base, extra) = *DISTANCES.get(distances.take(bits)?)?;
                    let distance = base + bits.take(extra)?;
                    self.distance_max = self.distance_max.max(distance);
                    for _ in 0..len {
                        let from = self.output.len().checked_sub(distance)?;
                        self.output.push(self.output[from]);
                    }
                }
            }
        }
    }
}

/// The literals and distances of a block that brings its own codes.
fn dynamic_codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    let (literals, distances) = (bits.take(5)? + 257, bits.take(5)? + 1);
    let mut lens_of_lens = [0; 19];
    for index in &LENS_ORDER[..bits.take(4)? + 4] {
        lens_of_lens[*index] = bits.take(3)?;
    }
    let code = Code::new(&lens_of_lens);
    let mut lens: Vec<usize> = Vec::new();
    while lens.len() < literals + distances {
        let (len, times) = match code.take(bits)? {
            16 => (*lens.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            len => (len, 1),
        };
        lens.extend(std::iter::repeat_n(len, times));
    }
    Some((Code::new(&lens[..literals]), Code::new(&lens[literals..])))
}

fn fixed_literals() -> Code {
    Code::new(&[&[8; 144][..], &[9; 112], &[7; 24], &[8; 8]].concat())
}

/// A Huffman code: the symbols by the length and value of their codes.
struct Code(Vec<(usize, usize, usize)>);

impl Code {
    fn new(lens: &[usize]) -> Self {
        let (mut codes, mut code) = (Vec::new(), 0);
        for len in 1..=15 {
            for (symbol, _) in lens.iter().enumerate().filter(|(_, symbol_len)| **symbol_len == len)
            {
                codes.push((len, code, symbol));
                code += 1;
            }
            code <<= 1;
        }
        Self(codes)
    }

    fn take(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let (mut len, mut code) = (0, 0);
        for (code_len, value, symbol) in &self.0 {
            while len < *code_len {
                code = code << 1 | bits.take(1)?;
                len += 1;
            }
            if code == *value {
                return Some(*symbol);
            }
        }
        None
    }
}

struct Bits<'a> {
    input: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<usize> {
        let mut value = 0;
        for bit in 0..count {
            let byte = *self.input.get(self.position / 8)?;
            value |= usize::from(byte >> (self.position % 8) & 1) << bit;
            self.position += 1;
        }
        Some(value)
    }

    fn align(&mut self) {
        self.position = self.position.next_multiple_of(8);
    }
}

const LENS_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

#[rustfmt::skip]
const LENGTHS: [(usize, usize); 29] = [
    (3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1), (15, 1),
    (17, 1), (19, 2), (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3), (67, 4),
    (83, 4), (99, 4), (115, 4), (131, 5), (163, 5), (195, 5), (227, 5), (258, 0),
];

#[rustfmt::skip]
const DISTANCES: [(usize, usize); 30] = [
    (1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 2), (13, 2), (17, 3), (25, 3), (33, 4),
    (49, 4), (65, 5), (97, 5), (129, 6), (193, 6), (257, 7), (385, 7), (513, 8), (769, 8),
    (1025, 9), (1537, 9), (2049, 10), (3073, 10), (4097, 11), (6145, 11), (8193, 12), (12289, 12),
    (16385, 13), (24577, 13),
];
