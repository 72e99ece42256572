//! A message's bytes in one encoding: made once, and shared by every reader of that encoding.
//!
//! An encoding is a `static` of the file that writes it. Its address is its identity, so there is no list of encodings.

use crate::Transport;
use std::{ops::Range, ptr};
use tidewire_broker::{Broker, Message};

/// One way to write a message, its position included.
///
/// It has to be a `static`: two connections share bytes if their encodings are the same one.
///
/// ```
/// use tidewire_broker::{Broker, Content, Draft, Grant, Limits, Message};
/// use tidewire_connection::{Encoding, Transport};
///
/// static PAYLOAD_LINE: Encoding = Encoding::new(Transport::Stream, |message, _, output| {
///     output.extend_from_slice(message.content().as_bytes());
///     output.push(b'\n');
/// });
/// ```
#[derive(Debug)]
pub struct Encoding {
    bytes: Bytes,
}

/// Appends a message in one encoding.
pub type WriteMessage = fn(&Message, &Broker, &mut Vec<u8>);

#[derive(Debug)]
enum Bytes {
    /// These, kept beside the message, for readers on this transport.
    Written(Transport, WriteMessage),
    /// A part of another encoding's.
    PartOf(&'static Encoding, fn(&[u8]) -> Range<usize>),
}

impl Encoding {
    /// An encoding by `write`, which is called once for each message, for its first reader. Its messages are counted
    /// by that transport.
    pub const fn new(transport: Transport, write: WriteMessage) -> Self {
        Self { bytes: Bytes::Written(transport, write) }
    }

    /// The part of `whole` that `range` finds in its bytes. Nothing is kept for it.
    pub const fn part_of(whole: &'static Self, range: fn(&[u8]) -> Range<usize>) -> Self {
        Self { bytes: Bytes::PartOf(whole, range) }
    }

    /// How its messages reach clients.
    pub(crate) fn transport(&self) -> Transport {
        match &self.bytes {
            Bytes::Written(transport, _) => *transport,
            Bytes::PartOf(whole, _) => whole.transport(),
        }
    }

    /// The bytes of a message.
    pub fn of<'m>(&'static self, message: &'m Message, broker: &Broker) -> &'m [u8] {
        match &self.bytes {
            Bytes::Written(_, write) => {
                let key = ptr::from_ref(self).addr();
                broker.encoded(message, key, |message| {
                    let mut output = Vec::new();
                    write(message, broker, &mut output);
                    output
                })
            }
            Bytes::PartOf(whole, range) => {
                let bytes = whole.of(message, broker);
                bytes.get(range(bytes)).unwrap_or_default()
            }
        }
    }
}

impl PartialEq for Encoding {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }
}

impl Eq for Encoding {}
