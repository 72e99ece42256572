//! What is no deflated data is refused, and so is a message that lacks its end.

use ws_frame::ProtocolError::CompressionInvalid;
use ws_frame::deflate::{Deflater, Inflater, Level};
use ws_frame::{CloseCode, Kind, Limits};

use crate::feed::{FRESH, TAKEN_OVER, inflate, inflates};

#[test]
fn data_that_breaks_the_format_is_refused() {
    for payload in [
        &[0x06][..],
        &[0x07, 0x00],
        b"\0\x05\0\xFB\xFFHello\0",
        &[0xF2, 0x00, 0x11, 0x00, 0x00],
        &[0x04, 0xFF, 0xFF, 0xFF, 0xFF],
    ] {
        inflates(Kind::Binary, payload, &Err(CompressionInvalid));
    }
    assert_eq!(CompressionInvalid.close_code(), CloseCode::INVALID_PAYLOAD);
}

#[test]
fn a_message_that_stands_for_itself_is_refused_when_it_lacks_its_end() {
    let message = b"Hello, hello, is it me you're looking for? Hello!".repeat(3);
    for level in [Level::FASTEST, Level::DEFAULT, Level::SMALLEST] {
        let mut payload = Vec::new();
        Deflater::new(FRESH, level).deflate(&message, &mut payload);
        for end in 0..payload.len() {
            let mut inflater = Inflater::new(FRESH);
            let short = [&payload[..end]];
            let received = inflate(&mut inflater, Kind::Binary, &Limits::default(), short);
            assert_eq!(received, Err(CompressionInvalid), "{end} of {}", payload.len());
        }
    }
}

#[test]
fn one_that_others_refer_to_is_refused_by_the_next_at_the_latest() {
    let hello = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    for end in 0..hello.len() {
        let mut inflater = Inflater::new(TAKEN_OVER);
        let limits = Limits::default();
        let mut receive = |payload| inflate(&mut inflater, Kind::Binary, &limits, [payload]);
        let received =
            receive(&hello[..end]).and_then(|_| receive(&hello)).and_then(|_| receive(&hello));
        assert_eq!(received, Err(CompressionInvalid), "{end} bytes");
    }
}
