//! Where a line ends. The writer and the reader both search every byte of every message for it.
//!
//! [A line ends] at CR LF, CR or LF. CR LF is one end, yet found here as CR: a reader must not wait
//! for the byte after a CR, so whoever calls drops the LF once it is there.
//!
//! [A line ends]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

/// Splits `bytes` around its first CR or LF: the line, the byte that ended it, and what follows.
pub(crate) fn split(bytes: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (line, from_end) = bytes.split_at_checked(find_end(bytes)?)?;
    let (end, rest) = from_end.split_first()?;
    Some((line, *end, rest))
}

fn find_end(bytes: &[u8]) -> Option<usize> {
    let (groups, _) = bytes.as_chunks::<GROUP_BYTES>();
    let without_end = groups.iter().take_while(|group| !holds_end(group)).count() * GROUP_BYTES;
    let found = bytes.get(without_end..)?.iter().position(is_end)?;
    Some(without_end + found)
}

/// Looks at all bytes where stopping at the first would do, for then it compiles to vectors.
fn holds_end(group: &[u8; GROUP_BYTES]) -> bool {
    group.iter().fold(false, |found, byte| found | is_end(byte))
}

fn is_end(byte: &u8) -> bool {
    (*byte == CR) | (*byte == LF)
}

pub(crate) const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// Two 16-byte vectors: every x86-64 and AArch64 has them.
const GROUP_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_first_end_is_found_wherever_it_lies() {
        for len in 0..100 {
            for at in 0..len {
                for end in [b'\r', b'\n'] {
                    let mut bytes = vec![b'x'; len];
                    bytes[at] = end;
                    bytes[len - 1] = if at == len - 1 { end } else { b'\n' };
                    assert_eq!(split(&bytes), Some((&bytes[..at], end, &bytes[at + 1..])));
                }
            }
        }
    }

    #[test]
    fn bytes_that_only_look_like_an_end_are_none() {
        for byte in (0..=u8::MAX).filter(|byte| !b"\r\n".contains(byte)) {
            assert_eq!(split(&[byte; 67]), None, "{byte}");
        }
    }
}
