//! WebSockets over tokio's streams: [`WebSocket`] on anything that is `AsyncRead + AsyncWrite`.
//!
//! An echo server:
//!
//! ```no_run
#![doc = include_str!("../examples/tokio_echo.rs")]
//! ```
//!
//! A client:
//!
//! ```no_run
#![doc = include_str!("../examples/tokio_client.rs")]
//! ```

mod drive;
mod halves;
mod open;

pub use halves::{Receiver, Sender};

use alloc::string::String;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};
use std::io;

use ::tokio::io::{AsyncRead, AsyncWrite};

use crate::{Agreed, Close, CloseCode, Connection, Error, Message, OwnedEvent, ProtocolError};
use drive::{poll_end, poll_flush, poll_read, poll_room, poll_sent};

/// A WebSocket on a stream: whole messages in and out.
///
/// It answers pings and closes while you receive, so call [`receive`](Self::receive) as long as the
/// connection is to live. Nothing is done in the background.
///
/// **Giving up is safe.** A future of this that is dropped before it is ready has lost nothing: what
/// arrived of a message stays, and what was to be sent goes out, whole, with the next call. So any of
/// them may stand in `select!` or in a `timeout`. (`send` on a connection whose peer does not read may
/// not have begun when it is dropped; it never leaves half a message. To know whether a message was taken, call
/// [`feed`](Self::feed), then [`flush`](Self::flush).)
///
/// **Memory.** A connection that waits for a message has no read buffer. One that receives has 16 KiB, or
/// up to twice what has arrived of a longer message, which [`Limits`](crate::Limits) bound. What is to be sent waits in a
/// buffer of 64 KiB and one message: beyond that, sending waits for the peer to read, and so does receiving while there
/// are answers to send.
#[derive(Debug)]
pub struct WebSocket<IO> {
    io: IO,
    connection: Connection,
    subprotocol: Option<String>,
    /// What the peer did wrong, until it has been reported.
    failure: Option<ProtocolError>,
    /// How the stream failed while an answer was written, until it has been reported.
    write_error: Option<io::Error>,
    has_ended: bool,
}

impl<IO> WebSocket<IO> {
    /// A WebSocket that others have opened: `connection` says which side this is, and what was agreed.
    pub fn from_parts(io: IO, connection: Connection) -> Self {
        Self {
            io,
            connection,
            subprotocol: None,
            failure: None,
            write_error: None,
            has_ended: false,
        }
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

impl<IO: AsyncRead + AsyncWrite + Unpin> WebSocket<IO> {
    /// Waits for the next message, or returns `None` once the peer has closed.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol, and has been sent a close; the stream failed; or it ended without
    /// a close. The connection is over then, and further calls return `None`.
    pub async fn receive(&mut self) -> Result<Option<Message>, Error> {
        poll_fn(|context| self.poll_receive(context)).await
    }

    /// Waits for the next event: a message, or one of the control frames, which this has answered.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive).
    pub async fn receive_event(&mut self) -> Result<Option<OwnedEvent>, Error> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// Sends a message, and waits until the stream has taken it.
    ///
    /// # Errors
    ///
    /// This side has closed, or the stream failed.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Adds a message to what is to be sent, which takes a [`flush`](Self::flush): many small ones then
    /// go out with one write. Waits while more than 64 KiB have not been taken.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        poll_fn(|context| poll_room(&mut self.io, &mut self.connection.sending, context)).await?;
        Ok(self.connection.send(&message.into())?)
    }

    /// Waits until the stream has taken all that was to be sent.
    ///
    /// # Errors
    ///
    /// The stream failed.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|context| poll_flush(&mut self.io, &mut self.connection.sending, context)).await?;
        Ok(())
    }

    /// Sends a ping. Its pong comes as an event of [`receive_event`](Self::receive_event).
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send), or the payload is longer than 125 bytes.
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        poll_fn(|context| poll_room(&mut self.io, &mut self.connection.sending, context)).await?;
        self.connection.ping(payload)?;
        self.flush().await
    }

    /// Closes, and waits for the peer to do so. Messages that it has sent before that are dropped: to
    /// have them, [send the close](Self::send_close) and go on receiving.
    ///
    /// A peer need not answer, so put this into a `timeout`.
    ///
    /// # Errors
    ///
    /// The reason is longer than 123 bytes, or as for [`receive`](Self::receive).
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.send_close(code, reason).await?;
        while self.receive().await?.is_some() {}
        Ok(())
    }

    /// Sends a close: nothing can be sent after it. The peer's is still to come.
    ///
    /// # Errors
    ///
    /// The reason is longer than 123 bytes, or the stream failed.
    pub async fn send_close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.connection.close(Some(Close { code, reason }))?;
        self.flush().await
    }

    /// Polls for the next message: what [`receive`](Self::receive) waits for.
    ///
    /// # Errors
    ///
    /// As for `receive`.
    #[inline]
    pub fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Message>, Error>> {
        loop {
            if let Some(message) = self.connection.receiving.next_whole() {
                return Poll::Ready(Ok(Some(message)));
            }
            match ready!(self.poll_progress(context))? {
                Progress::Event(OwnedEvent::Message(message)) => {
                    return Poll::Ready(Ok(Some(message)));
                }
                Progress::Event(_) | Progress::Arrived => {}
                Progress::Closed => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// Polls for the next event: what [`receive_event`](Self::receive_event) waits for.
    ///
    /// # Errors
    ///
    /// As for `receive_event`.
    pub fn poll_event(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<OwnedEvent>, Error>> {
        loop {
            match ready!(self.poll_progress(context))? {
                Progress::Event(event) => return Poll::Ready(Ok(Some(event))),
                Progress::Arrived => {}
                Progress::Closed => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// Polls for an event in what has arrived, or else for more to arrive.
    fn poll_progress(&mut self, context: &mut Context<'_>) -> Poll<Result<Progress, Error>> {
        match self.connection.next_other() {
            Ok(None) => {}
            Ok(Some(event)) => {
                // An answer need not wait. If the stream fails, the next call says so.
                if self.connection.sending.is_unflushed()
                    && let Poll::Ready(Err(error)) =
                        poll_flush(&mut self.io, &mut self.connection.sending, context)
                {
                    self.write_error = Some(error);
                }
                return Poll::Ready(Ok(Progress::Event(event)));
            }
            Err(error) => self.failure = Some(error),
        }
        if self.connection.is_closed() || self.has_ended {
            return self.poll_closed(context);
        }
        let error = match ready!(self.poll_more(context)) {
            Ok(1..) => return Poll::Ready(Ok(Progress::Arrived)),
            Ok(0) => Error::Ended,
            Err(error) => error.into(),
        };
        self.has_ended = true;
        Poll::Ready(Err(error))
    }

    /// Polls for more bytes, and for the answers to be sent; no byte means that the stream has ended.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Some(error) = self.write_error.take() {
            return Poll::Ready(Err(error));
        }
        ready!(poll_sent(&mut self.io, &mut self.connection.sending, context))?;
        poll_read(&mut self.io, &mut self.connection.receiving, context)
    }

    /// Polls for the last bytes to be written, then returns how it ended.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<Result<Progress, Error>> {
        if !self.has_ended {
            // A peer that has closed, or broken the protocol, may be gone: that is no news.
            let ends = self.failure.is_some() || self.connection.role() == crate::Role::Server;
            let sending = &mut self.connection.sending;
            let _ = ready!(poll_end(&mut self.io, sending, ends, context));
            self.has_ended = true;
        }
        Poll::Ready(self.failure.take().map_or(Ok(Progress::Closed), |error| Err(error.into())))
    }
}

/// What a poll has come to.
enum Progress {
    Event(OwnedEvent),
    /// More bytes, which may hold an event.
    Arrived,
    /// The connection is over.
    Closed,
}
