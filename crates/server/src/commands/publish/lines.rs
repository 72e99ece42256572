//! Cuts input that comes in chunks of any size into numbered lines.
//!
//! A line feed ends a line, and so does a carriage return with a line feed after it; the last line may lack its
//! end. A carriage return anywhere else stays.

use std::mem;

/// Input on its way to be lines.
#[derive(Debug)]
pub(super) struct Lines {
    /// A line without its end; at most `line_bytes_max`.
    unfinished: Vec<u8>,
    /// The last byte was a carriage return: what comes next says whether it belongs to the line.
    is_at_return: bool,
    /// The unfinished line grew too long: its bytes are gone, and those to come are left out.
    too_long: bool,
    finished: u64,
    line_bytes_max: usize,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The first is 1.
    pub(super) number: u64,
    pub(super) bytes: Result<Vec<u8>, TooLong>,
}

/// The line was too long to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    pub(super) const fn new(line_bytes_max: usize) -> Self {
        let unfinished = Vec::new();
        Self { unfinished, is_at_return: false, too_long: false, finished: 0, line_bytes_max }
    }

    /// Takes more input and returns the lines it ends.
    pub(super) fn handle_input(&mut self, chunk: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        for piece in chunk.split_inclusive(|&byte| byte == b'\n') {
            let end = piece.strip_suffix(b"\n");
            self.append(end.unwrap_or(piece));
            if end.is_some() {
                self.is_at_return = false;
                lines.push(self.finish());
            }
        }
        lines
    }

    /// Notes the end of input and returns the line that had none of its own.
    pub(super) fn handle_end(&mut self) -> Option<Line> {
        self.keep_return();
        (self.too_long || !self.unfinished.is_empty()).then(|| self.finish())
    }

    fn append(&mut self, piece: &[u8]) {
        if piece.is_empty() {
            return;
        }
        self.keep_return();
        let line = piece.strip_suffix(b"\r");
        self.is_at_return = line.is_some();
        self.extend(line.unwrap_or(piece));
    }

    /// The carriage return was no part of an end.
    fn keep_return(&mut self) {
        if mem::take(&mut self.is_at_return) {
            self.extend(b"\r");
        }
    }

    fn extend(&mut self, piece: &[u8]) {
        if piece.len() > self.line_bytes_max.saturating_sub(self.unfinished.len()) {
            self.too_long = true;
            self.unfinished = Vec::new();
        }
        if !self.too_long {
            self.unfinished.extend_from_slice(piece);
        }
    }

    fn finish(&mut self) -> Line {
        self.finished += 1;
        let bytes = mem::take(&mut self.unfinished);
        let bytes = if mem::take(&mut self.too_long) { Err(TooLong) } else { Ok(bytes) };
        Line { number: self.finished, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &[u8] =
        b"one\n\nfourteen bytes\nw\xffo\r\nfour\r\n\r\na\rb\nc\r\r\n\rd\nfour\r\r\n\nla\r";

    fn expected() -> Vec<Line> {
        let lines: [Result<&[u8], TooLong>; 12] = [
            Ok(b"one"),
            Ok(b""),
            Err(TooLong),
            Ok(b"w\xffo"),
            Ok(b"four"),
            Ok(b""),
            Ok(b"a\rb"),
            Ok(b"c\r"),
            Ok(b"\rd"),
            Err(TooLong),
            Ok(b""),
            Ok(b"la\r"),
        ];
        let line = |(number, bytes): (u64, Result<&[u8], _>)| Line {
            number,
            bytes: bytes.map(<[u8]>::to_vec),
        };
        (1..).zip(lines).map(line).collect()
    }

    #[test]
    fn input_cut_anywhere_makes_the_same_lines() {
        for chunk_bytes in 1..=INPUT.len() {
            let mut lines = Lines::new(4);
            let mut found: Vec<_> =
                INPUT.chunks(chunk_bytes).flat_map(|chunk| lines.handle_input(chunk)).collect();
            found.extend(lines.handle_end());
            assert_eq!(found, expected(), "{chunk_bytes}");
        }
    }

    #[test]
    fn a_line_is_handed_out_once_its_end_is_there() {
        let mut lines = Lines::new(4);
        assert_eq!(lines.handle_input(b"on"), []);
        assert_eq!(lines.handle_input(b"e\ntw"), expected()[..1]);
        assert_eq!(lines.handle_input(b""), []);
        assert_eq!(lines.handle_input(b"\r"), []);
        let number = 2;
        assert_eq!(lines.handle_input(b"\n"), [Line { number, bytes: Ok(b"tw".to_vec()) }]);
    }

    #[test]
    fn no_line_follows_the_last_end() {
        let mut lines = Lines::new(4);
        lines.handle_input(b"one\n");
        assert_eq!(lines.handle_end(), None);
        assert_eq!(Lines::new(4).handle_end(), None);
    }

    #[test]
    fn a_last_line_that_is_too_long_is_reported_too() {
        let mut lines = Lines::new(4);
        assert_eq!(lines.handle_input(b"fives"), []);
        assert_eq!(lines.unfinished.capacity(), 0);
        assert_eq!(lines.handle_end(), Some(Line { number: 1, bytes: Err(TooLong) }));
    }
}
