//! Takes chunked framing off a response, cut anywhere; it knows only what our server sends.

/// Where in the framing the reader stands.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    /// A size line of which only so much has arrived.
    line: Vec<u8>,
    left: usize,
    place: Part,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Size,
    Content,
    /// After a chunk's content: CR LF, one byte at a time.
    Tail,
    /// After the empty chunk.
    LastTail,
    End,
}

impl Chunks {
    /// Appends the content of `input` to `output`.
    pub(crate) fn read(&mut self, mut input: &[u8], output: &mut Vec<u8>) -> Result<(), String> {
        while let Some((byte, rest)) = input.split_first() {
            match self.place {
                Part::Size | Part::Tail | Part::LastTail => {
                    self.line.push(*byte);
                    input = rest;
                    if self.line.ends_with(b"\r\n") {
                        self.end_line()?;
                    }
                }
                Part::Content => {
                    let (content, rest) = input.split_at(self.left.min(input.len()));
                    output.extend_from_slice(content);
                    self.left -= content.len();
                    input = rest;
                    if self.left == 0 {
                        self.place = Part::Tail;
                    }
                }
                Part::End => return Err(format!("bytes after the last chunk: {input:?}")),
            }
        }
        Ok(())
    }

    /// Whether the last chunk has come.
    pub(crate) fn is_over(&self) -> bool {
        self.place == Part::End
    }

    /// Whether the input ended inside a chunk.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.place, Part::Content | Part::Tail)
    }

    fn end_line(&mut self) -> Result<(), String> {
        let line = std::mem::take(&mut self.line);
        let text = str::from_utf8(&line).unwrap_or("?").trim_end_matches("\r\n");
        self.place = match self.place {
            Part::Size => {
                self.left = usize::from_str_radix(text, 16)
                    .map_err(|_| format!("{text:?} is no chunk size"))?;
                if self.left == 0 { Part::LastTail } else { Part::Content }
            }
            _ if !text.is_empty() => return Err(format!("{text:?} behind a chunk")),
            Part::LastTail => Part::End,
            _ => Part::Size,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cut_anywhere_give_their_content() {
        let wire = b"3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n";
        for size in 1..=wire.len() {
            let (mut chunks, mut output) = (Chunks::default(), Vec::new());
            wire.chunks(size).for_each(|piece| chunks.read(piece, &mut output).unwrap());
            assert_eq!(output, b"abc0123456789");
            assert!(chunks.is_over());
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for wire in [&b"x\r\n"[..], b"1\r\nab\r\n", b"0\r\n\r\n1"] {
            assert!(Chunks::default().read(wire, &mut Vec::new()).is_err());
        }
    }
}
