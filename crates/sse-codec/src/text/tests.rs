//! The searches and copies beside slow ones, at every length, place and alignment.

use super::*;
use alloc::vec;

/// What is appended to `before` if there is room for `room_bytes` more.
fn put_line(before: &[u8], room_bytes: usize, value: &[u8]) -> Option<Vec<u8>> {
    let mut output = before.to_vec();
    output.reserve_exact(room_bytes);
    let filled = fill_vec(&mut output, |room| {
        // An allocator may give more than was asked for.
        room.spare = &mut mem::take(&mut room.spare)[..room_bytes];
        room.put_plain_line(b"start", value)
    });
    assert!(filled.is_some() || output == before);
    filled.map(|()| output)
}

/// Every length and alignment of what is read and of what is written.
#[test]
fn a_plain_line_is_copied_whatever_its_length_and_alignment() {
    let text: Vec<u8> = (0x0E..=0xFF).collect();
    for len in (0..70).chain(120..140).chain(190..200) {
        for (start, before) in (0..16).flat_map(|start| (0..16).map(move |at| (start, at))) {
            let (value, before) = (&text[start..start + len], &text[..before]);
            let expected = [before, b"start", value, b"\n"].concat();
            assert_eq!(put_line(before, len + 6, value), Some(expected), "{len}");
            assert_eq!(put_line(before, len + 5, value), None, "{len}");
        }
    }
}

#[test]
fn a_byte_that_is_not_plain_is_seen_wherever_it_lies() {
    for len in [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 130] {
        for (at, byte) in (0..len).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
            let mut value = vec![b'x'; len];
            value[at] = byte;
            let is_put = put_line(b"", len + 6, &value).is_some();
            assert_eq!(is_put, byte > b'\r', "{byte} at {at} of {len}");
        }
    }
}

/// The same with no thought of speed.
fn scan_slowly(bytes: &[u8]) -> (usize, bool) {
    let len = bytes.iter().take_while(|byte| !b"\r\n".contains(byte)).count();
    (len, bytes[..len].is_ascii())
}

#[track_caller]
fn assert_scanned(bytes: &[u8]) {
    assert_eq!(scan(bytes), scan_slowly(bytes), "{}", bytes.escape_ascii());
    assert_eq!(scan_words(bytes), scan_slowly(bytes), "{}", bytes.escape_ascii());
}

/// Every length, place and alignment, with whatever else may stand after the end.
#[test]
fn the_first_end_is_found_wherever_it_lies() {
    for (start, len) in (0..16).flat_map(|start| (0..70).map(move |len| (start, len))) {
        for (end, then) in [(b'\r', b'\n'), (b'\n', b'\r'), (b'\n', 0xFF), (b'\r', b'x')] {
            for at in 0..=len {
                let mut bytes = vec![b'x'; start + len];
                bytes[start..].iter_mut().skip(at).for_each(|byte| *byte = then);
                bytes[start..].iter_mut().skip(at).take(1).for_each(|byte| *byte = end);
                assert_scanned(&bytes[start..]);
            }
        }
    }
}

/// Past the length from which on the search may be a wide one: every place of the end, and a byte beyond
/// ASCII close to it, far before it and after it.
#[test]
fn the_first_end_of_a_long_line_is_found_wherever_it_lies() {
    for start in [0, 1, 31] {
        for at in (500..780).chain([1_199, 5_000]) {
            for high in [None, Some(3), Some(511), Some(520), Some(at - 1), Some(at + 1)] {
                let mut bytes = vec![b'x'; start + at + 300];
                bytes[start + at] = if at % 2 == 0 { b'\n' } else { b'\r' };
                high.into_iter().for_each(|high| bytes[start + high] |= 0x80);
                let bytes = &bytes[start..];
                if bytes[at] < 0x80 {
                    assert_scanned(bytes);
                    assert_scanned(&bytes[..at]);
                }
            }
        }
    }
}

#[test]
fn a_byte_beyond_ascii_counts_before_the_end_and_not_after() {
    for len in 0..50 {
        for (at, end) in (0..len).flat_map(|at| (0..=len).map(move |end| (at, end))) {
            let mut bytes = vec![b'x'; len];
            bytes[at] = 0x80;
            bytes.iter_mut().skip(end).take(1).for_each(|byte| *byte = b'\n');
            assert_scanned(&bytes);
        }
    }
}

/// At the same place of two words, or of two vectors.
#[test]
fn two_bytes_beyond_ascii_do_not_make_up_for_each_other() {
    for (stride, at) in [8, 16].into_iter().flat_map(|stride| (0..16).map(move |at| (stride, at))) {
        for end in at + stride + 1..50 {
            let mut bytes = vec![b'x'; 50];
            bytes[at] = 0x80;
            bytes[at + stride] = 0x80;
            bytes[end] = b'\n';
            assert_scanned(&bytes);
            assert_scanned(&bytes[..end]);
        }
    }
}

#[test]
fn every_byte_is_taken_for_what_it_is() {
    for byte in 0..=u8::MAX {
        for len in [1, 7, 8, 9, 15, 16, 17, 33] {
            for at in 0..len {
                let mut bytes = vec![b'x'; len];
                bytes[at] = byte;
                assert_scanned(&bytes);
                assert_scanned(&vec![byte; len]);
                assert_eq!(is_one_line(&bytes), !b"\r\n\0".contains(&byte), "{byte} of {len}");
            }
        }
    }
}

#[test]
fn neighbours_of_an_end_are_not_mistaken_for_one() {
    for pair in (0..=u16::MAX).map(u16::to_be_bytes) {
        for start in 0..7 {
            let mut bytes = *b"xxxxxxxx";
            bytes[start..start + 2].copy_from_slice(&pair);
            assert_eq!(scan_words(&bytes), scan_slowly(&bytes), "{bytes:?}");
            assert_eq!(is_one_line(&bytes), !bytes.iter().any(|b| b"\r\n\0".contains(b)));
        }
    }
}

#[test]
fn gathered_text_is_decoded_as_if_it_had_come_whole() {
    let wire = "plain é … 🦀".as_bytes();
    for at in 0..=wire.len() {
        let mut gathered = TextBuffer::EMPTY;
        for piece in [&wire[..at], &wire[at..]] {
            gathered.push(Text::split(piece).0);
        }
        let mut replaced = String::new();
        let decoded = gathered.as_text().decode(&mut replaced, 0);
        assert_eq!(decoded.map(str::as_bytes), Some(wire));
        assert!(replaced.is_empty());
    }
}

#[test]
fn a_cleared_buffer_forgets_what_it_knew() {
    let mut buffer = TextBuffer::EMPTY;
    buffer.push_byte(0xFF);
    assert_eq!(buffer.as_text().as_str(), None);
    buffer.clear();
    buffer.push_byte(b'x');
    assert_eq!(buffer.as_text().as_str(), Some("x"));
    buffer.push(Text::split(b"\xFF").0);
    assert_eq!(buffer.as_text().decode(&mut String::new(), 4), Some("x\u{FFFD}"));
}

#[test]
fn broken_text_is_replaced_in_no_more_room_than_it_takes() {
    for bytes in [&b"\xFF"[..], b"a\xFFb", b"\xE2\x82", b"\xE2\x82\xE2\x82\xAC\xFE", b"\xF0\x9Fxy"]
    {
        let (text, expected) = (Text::split(bytes).0, String::from_utf8_lossy(bytes));
        let mut replaced = String::from("what an earlier one left");
        assert_eq!(text.decode(&mut replaced, expected.len()), Some(&*expected));
        let mut replaced = String::new();
        assert_eq!(text.decode(&mut replaced, expected.len()), Some(&*expected));
        assert_eq!(replaced.capacity(), expected.len());
        assert_eq!(text.decode(&mut replaced, expected.len() - 1), None);
    }
}

#[test]
fn a_buffer_doubles_up_to_its_limit_and_passes_it_by_what_it_must() {
    let mut buffer = TextBuffer::EMPTY;
    for (bytes, capacity) in [(3, 3), (1, 6), (4, 10), (2, 10), (1, 11), (20, 31)] {
        if !buffer.has_room(bytes) {
            buffer.grow(bytes, 10);
        }
        buffer.push(Text::split(&vec![b'x'; bytes]).0);
        assert_eq!(buffer.capacity(), capacity, "{bytes} more");
    }
}
