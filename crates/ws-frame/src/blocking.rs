//! WebSockets over blocking streams: [`WebSocket`] on anything that is `Read + Write`.
//!
//! An echo server, with a thread for each connection:
//!
//! ```no_run
#![doc = include_str!("../examples/blocking_echo.rs")]
//! ```

mod halves;

pub use halves::{Receiver, Sender};

use alloc::string::String;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use bytes::BytesMut;

use crate::connection::{OUTPUT_BYTES_MAX, READ_BYTES_MAX, Receiving};
use crate::opening::{self, HeadReader, Request, Url};
use crate::outgoing::Outgoing;
use crate::{
    Agreed, Close, CloseCode, Connection, Error, HandshakeKey, Message, OpenError, Options,
    OsMasks, OwnedEvent, ProtocolError,
};

/// A WebSocket on a blocking stream: whole messages in and out.
///
/// It answers pings and closes while you receive. Time limits are those of the stream, such as
/// `TcpStream::set_read_timeout`: after the error of one the connection is as it was, so the same call may
/// be made again.
#[derive(Debug)]
pub struct WebSocket<IO> {
    io: IO,
    connection: Connection,
    subprotocol: Option<String>,
    /// What the peer did wrong, until it has been reported.
    failure: Option<ProtocolError>,
    has_ended: bool,
}

impl WebSocket<TcpStream> {
    /// Connects to `ws://host:port/path`, as a client that offers nothing beyond the plain protocol.
    ///
    /// # Errors
    ///
    /// There is no such server, or it does not open a WebSocket. A `wss` needs [`client`](Self::client).
    pub fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(url, &Options::default())
    }

    /// Connects to `ws://host:port/path` as a client.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub fn connect_with(url: &str, options: &Options) -> Result<Self, Error> {
        let address = Url::parse(url).map_err(OpenError::from)?;
        if address.is_secure {
            return Err(OpenError::TlsNeeded.into());
        }
        let stream = TcpStream::connect((address.host, address.port))?;
        // A small message does not wait for the one before it to be acknowledged.
        stream.set_nodelay(true)?;
        Self::client(stream, url, options)
    }
}

impl<IO> WebSocket<IO> {
    /// A WebSocket that others have opened: `connection` says which side this is, and what was agreed.
    pub fn from_parts(io: IO, connection: Connection) -> Self {
        Self { io, connection, subprotocol: None, failure: None, has_ended: false }
    }

    /// The WebSocket that both sides have agreed on, over the stream that is free for it now.
    pub fn from_agreed(io: IO, agreed: Agreed) -> Self {
        Self { subprotocol: agreed.subprotocol, ..Self::from_parts(io, agreed.connection) }
    }

    /// The subprotocol that both sides have agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The stream below.
    pub const fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The stream below. What has been read of it and what waits to be written is lost.
    pub fn into_inner(self) -> IO {
        self.io
    }
}

impl<IO: Read + Write> WebSocket<IO> {
    /// Opens a WebSocket as a server, on a stream that a client has just opened.
    ///
    /// # Errors
    ///
    /// As for [`accept_with`](Self::accept_with).
    pub fn accept(stream: IO) -> Result<Self, Error> {
        Self::accept_with(stream, &Options::default(), |_| Ok(()))
    }

    /// Opens a WebSocket as a server. `judge` sees the request before it is granted, for example its
    /// target or `Origin`, and refuses it with an HTTP status.
    ///
    /// # Errors
    ///
    /// The request is none for a WebSocket, or was refused; the client has been answered.
    pub fn accept_with(
        mut stream: IO,
        options: &Options,
        judge: impl FnOnce(&Request<'_>) -> Result<(), u16>,
    ) -> Result<Self, Error> {
        let (head, rest) = read_head(&mut stream)?;
        let answer = opening::answer(&head, options, judge);
        stream.write_all(answer.response.as_bytes())?;
        stream.flush()?;
        Ok(Self::open(stream, answer.agreed?, rest))
    }

    /// Opens a WebSocket as a client, on a stream that is connected to the host of `url`, with TLS if that is
    /// a `wss`.
    ///
    /// # Errors
    ///
    /// The server does not open a WebSocket.
    pub fn client(mut stream: IO, url: &str, options: &Options) -> Result<Self, Error> {
        let (key, masks) = (HandshakeKey::from_os()?, OsMasks::new()?);
        let url = Url::parse(url).map_err(OpenError::from)?;
        stream.write_all(opening::request(&url, &key, options)?.as_bytes())?;
        stream.flush()?;
        let (head, rest) = read_head(&mut stream)?;
        Ok(Self::open(stream, opening::conclude(&head, &key, options, masks)?, rest))
    }

    fn open(io: IO, agreed: Agreed, rest: BytesMut) -> Self {
        let connection = agreed.connection.with_received(rest);
        Self::from_agreed(io, Agreed { connection, ..agreed })
    }

    /// Waits for the next message, or returns `None` once the peer has closed.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol, and has been sent a close; the stream failed; or it ended without
    /// a close.
    pub fn receive(&mut self) -> Result<Option<Message>, Error> {
        loop {
            if let Some(message) = self.connection.receiving.next_whole() {
                return Ok(Some(message));
            }
            match self.receive_event()? {
                Some(OwnedEvent::Message(message)) => return Ok(Some(message)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// Waits for the next event: a message, or one of the control frames, which this has answered.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub fn receive_event(&mut self) -> Result<Option<OwnedEvent>, Error> {
        loop {
            match self.connection.next_other() {
                Ok(None) => {}
                Ok(Some(event @ OwnedEvent::Message(_))) => return Ok(Some(event)),
                Ok(Some(event)) => {
                    // The next call flushes again, and says if that fails. A peer that has closed may be gone:
                    // that is no news.
                    let _ = self.flush();
                    return Ok(Some(event));
                }
                Err(error) => {
                    self.failure = Some(error);
                    let _ = self.flush();
                }
            }
            if self.connection.is_closed() || self.has_ended {
                return self.failure.take().map_or(Ok(None), |error| Err(error.into()));
            }
            // What was fed goes first: the peer may wait for it before it sends more.
            self.flush()?;
            if read(&mut self.io, &mut self.connection.receiving)? == 0 {
                self.has_ended = true;
                return Err(Error::Ended);
            }
        }
    }

    /// Sends a message, and waits until the stream has taken it.
    ///
    /// # Errors
    ///
    /// This side has closed, or the stream failed.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message)?;
        self.flush()
    }

    /// Adds a message to what is to be sent, which takes a [`flush`](Self::flush): many small ones then
    /// go out with one write. Beyond 64 KiB it is written here.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        if self.connection.output().len() > OUTPUT_BYTES_MAX {
            self.flush()?;
        }
        Ok(self.connection.send(&message.into())?)
    }

    /// Waits until the stream has taken all that was to be sent.
    ///
    /// # Errors
    ///
    /// The stream failed.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(write(&mut self.io, &mut self.connection.sending)?)
    }

    /// Sends a ping. Its pong comes as an event of [`receive_event`](Self::receive_event).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send), or the payload is longer than 125 bytes.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.connection.ping(payload)?;
        self.flush()
    }

    /// Closes, and waits for the peer to do so. Messages that it has sent before that are dropped: to
    /// have them, [send the close](Self::send_close) and go on receiving.
    ///
    /// # Errors
    ///
    /// The reason is longer than 123 bytes, or as for [`receive`](Self::receive).
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.send_close(code, reason)?;
        while self.receive()?.is_some() {}
        Ok(())
    }

    /// Sends a close: nothing can be sent after it. The peer's is still to come.
    ///
    /// # Errors
    ///
    /// The reason is longer than 123 bytes, or the stream failed.
    pub fn send_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.connection.close(Some(Close { code, reason }))?;
        self.flush()
    }
}

/// Reads the peer's head; also returns what has come after it.
fn read_head(stream: &mut impl Read) -> Result<(BytesMut, BytesMut), Error> {
    let mut reader = HeadReader::default();
    loop {
        if read_into(stream, reader.room(), READ_BYTES_MAX)? == 0 {
            return Err(OpenError::Ended.into());
        }
        if let Some(head) = reader.head()? {
            return Ok((head, reader.into_rest()));
        }
    }
}

/// Reads what is there; none means that the stream has ended.
fn read(io: &mut impl Read, receiving: &mut Receiving) -> io::Result<usize> {
    read_into(io, receiving.room(), READ_BYTES_MAX)
}

/// Reads to the end of `buffer`, as far as it has room.
fn read_into(io: &mut impl Read, buffer: &mut BytesMut, bytes_max: usize) -> io::Result<usize> {
    let filled = buffer.len();
    let room = buffer.capacity().saturating_sub(filled).min(bytes_max);
    buffer.resize(filled.saturating_add(room), 0);
    let read = loop {
        match io.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    buffer.truncate(filled.saturating_add(read.as_ref().copied().unwrap_or_default()));
    read
}

/// Writes the output, and flushes.
fn write(io: &mut impl Write, sending: &mut Outgoing) -> io::Result<()> {
    while !sending.output().is_empty() {
        match io.write(sending.output()) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => sending.handle_written(written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    io.flush()
}
