//! Seeded wires: legal conversations, spoilt here and there.

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

    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A conversation of one side.
    pub(crate) fn wire(&mut self, masked: bool) -> Vec<u8> {
        let mut wire = Vec::new();
        for _ in 0..self.below(8) {
            if self.one_in(3) {
                self.control(masked, &mut wire);
            } else {
                self.message(masked, &mut wire);
            }
        }
        wire
    }

    /// Changes a byte, loses some, or repeats some.
    pub(crate) fn spoil(&mut self, wire: &mut Vec<u8>) {
        if wire.is_empty() {
            return;
        }
        let start = self.below(wire.len());
        let end = wire.len().min(start + 1 + self.below(12));
        match self.below(4) {
            0 => wire[start] ^= 1 << self.below(8),
            1 => wire[start] = self.next() as u8,
            2 => drop(wire.drain(start..end)),
            _ => {
                let repeated = wire[start..end].to_vec();
                wire.splice(start..start, repeated);
            }
        }
    }

    fn message(&mut self, masked: bool, wire: &mut Vec<u8>) {
        let text = self.one_in(2);
        let len = self.choose(&[0, 1, 2, 7, 30, 125, 126, 127, 130, 65_535, 65_536]);
        let len = if len > 1_000 && !self.one_in(8) { self.below(300) } else { len };
        let payload: Vec<u8> = if text {
            let scalars = ['a', '~', 'é', '€', '\u{10348}', '\u{D7FF}', '\u{10FFFF}'];
            let ascii = self.one_in(2);
            (0..len)
                .map(|_| if ascii { 'x' } else { self.choose(&scalars) })
                .collect::<String>()
                .into()
        } else {
            (0..len).map(|_| self.next() as u8).collect()
        };

        let mut rest = &payload[..];
        let mut opcode = if text { 1 } else { 2 };
        while self.one_in(2) {
            let (front, back) = rest.split_at(self.below(rest.len() + 1));
            self.frame(opcode, front, masked, wire);
            if self.one_in(4) {
                self.control(masked, wire);
            }
            (opcode, rest) = (0, back);
        }
        self.frame(0x80 | opcode, rest, masked, wire);
    }

    fn control(&mut self, masked: bool, wire: &mut Vec<u8>) {
        let len = self.choose(&[0, 1, 2, 7, 124, 125]);
        let payload: Vec<u8> = (0..len).map(|_| self.next() as u8).collect();
        if self.one_in(8) {
            let close = self.choose(&[&b""[..], b"\x03\xe8", b"\x03\xe9bye", b"\x0b\xb8\xc3\xa9"]);
            self.frame(0x88, close, masked, wire);
        } else {
            let opcode = self.choose(&[0x89, 0x8A]);
            self.frame(opcode, &payload, masked, wire);
        }
    }

    fn frame(&mut self, first: u8, payload: &[u8], masked: bool, wire: &mut Vec<u8>) {
        let mask_bit = if masked { 0x80 } else { 0 };
        let len = payload.len();
        wire.push(first);
        match len {
            0..=125 => wire.push(mask_bit | len as u8),
            126..=0xFFFF => wire.extend([mask_bit | 126, (len >> 8) as u8, len as u8]),
            _ => {
                wire.push(mask_bit | 127);
                wire.extend((len as u64).to_be_bytes());
            }
        }
        let key = if masked { (self.next() as u32).to_be_bytes() } else { [0; 4] };
        if masked {
            wire.extend(key);
        }
        wire.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}
