//! Text on its way to a terminal: control characters are shown, not obeyed.
//!
//! Channels, payloads and errors come from the network, and a terminal takes commands from what it shows: an
//! escape sequence can rewrite what stands above, set the title, or answer in the reader's name. Output that goes
//! into a pipe or a file stays as it is.

use std::io::{self, IsTerminal, Stderr, Stdout, Write};

/// An output that shows control characters as `\u001b` if it is a terminal. Line feeds and tabs stay.
///
/// What is written has to be UTF-8, in pieces of any size.
#[derive(Debug)]
pub struct TerminalOutput<W> {
    output: W,
    is_terminal: bool,
    /// The last byte is the first of two, and not yet shown.
    is_halfway: bool,
}

impl TerminalOutput<Stdout> {
    /// Standard output.
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl TerminalOutput<Stderr> {
    /// Standard error.
    pub fn stderr() -> Self {
        Self::new(io::stderr())
    }
}

impl<W: Write + IsTerminal> TerminalOutput<W> {
    fn new(output: W) -> Self {
        let is_terminal = output.is_terminal();
        Self { output, is_terminal, is_halfway: false }
    }
}

impl<W> TerminalOutput<W> {
    /// The bytes as a terminal may have them.
    fn shown(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut shown = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match (std::mem::take(&mut self.is_halfway), byte) {
                // U+0080 to U+009F: for some terminals the same as an escape and a letter.
                (true, 0x80..=0x9F) => escape(byte, &mut shown),
                (true, _) => shown.extend([FIRST_OF_TWO, byte]),
                (false, FIRST_OF_TWO) => self.is_halfway = true,
                (false, b'\n' | b'\t') => shown.push(byte),
                (false, 0x00..=0x1F | 0x7F) => escape(byte, &mut shown),
                (false, _) => shown.push(byte),
            }
        }
        shown
    }
}

impl<W: Write> Write for TerminalOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_terminal {
            return self.output.write(bytes);
        }
        let shown = self.shown(bytes);
        self.output.write_all(&shown)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// As JSON and JavaScript spell it.
fn escape(byte: u8, shown: &mut Vec<u8>) {
    shown.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
}

/// Begins U+0080 to U+00BF in UTF-8, and nothing else.
const FIRST_OF_TWO: u8 = 0xC2;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, piece_bytes: usize, is_terminal: bool) -> String {
        let mut terminal = TerminalOutput { output: Vec::new(), is_terminal, is_halfway: false };
        for piece in text.as_bytes().chunks(piece_bytes) {
            terminal.write_all(piece).unwrap();
        }
        String::from_utf8(terminal.output).unwrap()
    }

    const HOSTILE: &str = "a\x1b]0;owned\x07\x1b[2J\u{9b}31m\rb\x7f\0 é\u{a0}°ı\u{202e} 🌊\tc\n";

    #[test]
    fn a_terminal_is_given_no_control_character_wherever_the_text_is_cut() {
        let expected = "a\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u000db\\u007f\\u0000 \
                        é\u{a0}°ı\u{202e} 🌊\tc\n";
        for piece_bytes in 1..=HOSTILE.len() {
            assert_eq!(shown(HOSTILE, piece_bytes, true), expected, "{piece_bytes}");
        }
    }

    #[test]
    fn a_pipe_is_given_what_came() {
        assert_eq!(shown(HOSTILE, 3, false), HOSTILE);
    }
}
