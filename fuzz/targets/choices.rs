//! What the fuzzer chooses beside the wire: the first bytes of an input, before the wire begins.

/// Takes choices off the front of an input. Where the input has ended, every choice is 0.
pub(crate) struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.rest.split_off_first().copied().unwrap_or_default()
    }

    /// Up to seven lengths, after which the wire is cut over and over.
    pub(crate) fn cuts(&mut self) -> Cuts {
        let count = self.byte() % 8;
        Cuts((0..count).map(|_| self.byte().into()).collect())
    }

    /// All that no choice was made by.
    pub(crate) fn wire(self) -> &'a [u8] {
        self.rest
    }
}

/// The lengths of the chunks that bytes arrive in, over and over; none for one chunk.
pub(crate) struct Cuts(Vec<usize>);

impl Cuts {
    pub(crate) fn chunks<'a>(&self, bytes: &'a [u8]) -> Vec<&'a [u8]> {
        // Chunks of nothing alone would never reach the end.
        if self.0.iter().all(|len| *len == 0) {
            return vec![bytes];
        }
        let mut rest = bytes;
        let mut chunks = Vec::new();
        for len in self.0.iter().cycle() {
            match rest.split_off(..*len) {
                Some(chunk) => chunks.push(chunk),
                None => break,
            }
        }
        chunks.push(rest);
        chunks
    }
}
