//! Final blocks: behind one, another stream begins at the next byte, in the same message or the
//! next, and refers to nothing before it.

use ws_frame::ProtocolError::CompressionInvalid;
use ws_frame::deflate::{Deflater, Inflater, Level};
use ws_frame::{Kind, Limits};

use crate::feed::{BOTH, FRESH, TAKEN_OVER, inflate, inflates};

/// "Hello" in a final block, and nothing after it.
const FINAL: &[u8] = &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
/// "Hello" in a stored final block.
const FINAL_STORED: &[u8] = b"\x01\x05\0\xFA\xFFHello";
/// A final block of nothing.
const FINAL_EMPTY: &[u8] = &[0x03, 0x00];
/// "Hello" in a block that is not final, flushed.
const FLUSHED: &[u8] = &[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];

#[test]
fn in_the_same_message() {
    for (payload, hellos) in [
        ([FINAL, b"\0"].concat(), 1),
        ([FINAL_STORED, b"\0"].concat(), 1),
        ([FINAL, FINAL, b"\0"].concat(), 2),
        ([FINAL, FLUSHED].concat(), 2),
        ([FINAL_EMPTY, FINAL_STORED, FINAL_EMPTY, FINAL_EMPTY, FLUSHED].concat(), 2),
    ] {
        inflates(Kind::Text, &payload, &Ok(b"Hello".repeat(hellos)));
    }
}

#[test]
fn even_if_nothing_follows() {
    for (payload, hellos) in
        [(FINAL, 1), (FINAL_STORED, 1), (&[FLUSHED, b"\0\0\xFF\xFF", FINAL].concat(), 2)]
    {
        inflates(Kind::Text, payload, &Ok(b"Hello".repeat(hellos)));
    }
}

#[test]
fn whatever_came_before() {
    for len in 1..1_100 {
        let mut payload = Vec::new();
        Deflater::new(FRESH, Level::DEFAULT).deflate(&b"a".repeat(len), &mut payload);
        // The bit that makes a block final; what was after the block is now another stream.
        payload[0] |= 1;
        for direction in BOTH {
            let mut inflater = Inflater::new(direction);
            let received = inflate(&mut inflater, Kind::Text, &Limits::default(), [&payload[..]]);
            assert_eq!(received.map(|message| message.len()), Ok(len), "{direction:?}");
        }
    }
}

#[test]
fn in_the_next_message() {
    let final_flushed = [FINAL, b"\0"].concat();
    for direction in BOTH {
        let mut inflater = Inflater::new(direction);
        for payload in [FINAL, FLUSHED, &final_flushed, FINAL_STORED, FINAL, FLUSHED] {
            let received =
                inflate(&mut inflater, Kind::Text, &Limits::default(), payload.chunks(1));
            assert_eq!(received.as_deref(), Ok(&b"Hello"[..]));
        }
    }
}

#[test]
fn which_refers_to_nothing_before_it() {
    let hello_again = [0xF2, 0x00, 0x11, 0x00, 0x00];
    for before in [FLUSHED, FINAL] {
        let mut inflater = Inflater::new(TAKEN_OVER);
        let limits = Limits::default();
        let mut receive =
            |payload| inflate(&mut inflater, Kind::Text, &limits, [payload]).map(|_| ());
        assert_eq!(receive(before), Ok(()));
        let expected = if before == FINAL { Err(CompressionInvalid) } else { Ok(()) };
        assert_eq!(receive(&hello_again[..]), expected);
    }
}
