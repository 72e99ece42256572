//! A blocking stream whose time limits pass while an answer is written: the event is there, and the answer
//! goes out with the next call.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;

use ws_frame::blocking::WebSocket;
use ws_frame::{Connection, Error, Limits, OwnedEvent};

/// A stream that is slow to write to.
#[derive(Clone)]
struct Slow(Rc<RefCell<Bytes>>);

struct Bytes {
    given: Vec<u8>,
    written: Vec<u8>,
    /// How many writes pass their time limit first.
    limits: u32,
}

impl Read for Slow {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let given = std::mem::take(&mut self.0.borrow_mut().given);
        if given.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buffer.write(&given)
    }
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.0.borrow_mut();
        if stream.limits > 0 {
            stream.limits -= 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        stream.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The ping, then twice the time limit: of writing, and of reading.
macro_rules! assert_nothing_is_lost {
    ($receiver:expr, $stream:expr) => {
        let event = $receiver.receive_event().unwrap();
        assert!(matches!(event, Some(OwnedEvent::Ping(_))), "{event:?}");
        for written in [&b""[..], b"\x8a\x02hi"] {
            assert!(matches!($receiver.receive_event(), Err(Error::Io(_))));
            assert_eq!($stream.0.borrow().written, written);
        }
    };
}

#[test]
fn a_ping_is_returned_and_its_pong_sent_later() {
    for is_split in [false, true] {
        let given = b"\x89\x82\0\0\0\0hi".to_vec();
        let stream = Slow(Rc::new(RefCell::new(Bytes { given, written: Vec::new(), limits: 2 })));
        let connection = Connection::server(Limits::default());
        let mut socket = WebSocket::from_parts(stream.clone(), connection);
        if is_split {
            let (_sender, mut receiver) = socket.split(|stream| Ok(stream.clone())).unwrap();
            assert_nothing_is_lost!(receiver, stream);
        } else {
            assert_nothing_is_lost!(socket, stream);
        }
    }
}
