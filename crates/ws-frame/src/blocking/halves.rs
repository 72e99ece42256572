//! A blocking WebSocket in two halves, for two threads: one receives, the other one sends.
//!
//! Both write: the receiver answers pings and closes. Writing is under a lock, reading is not.

use alloc::sync::Arc;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{WebSocket, read, write};
use crate::connection::{OUTPUT_BYTES_MAX, Receiving};
use crate::outgoing::Outgoing;
use crate::{Close, CloseCode, Error, Message, OwnedEvent, ProtocolError};

/// The half that receives. It answers pings and closes, also while the other half sends nothing.
#[derive(Debug)]
pub struct Receiver<R, W> {
    io: R,
    receiving: Receiving,
    writing: Arc<Mutex<Writing<W>>>,
    failure: Option<ProtocolError>,
    /// Whether an answer was not written to its end, for lack of time perhaps.
    is_answer_unsent: bool,
    has_ended: bool,
}

/// The half that sends. Clones of it are for further threads.
#[derive(Debug)]
pub struct Sender<W> {
    writing: Arc<Mutex<Writing<W>>>,
}

#[derive(Debug)]
struct Writing<W> {
    io: W,
    sending: Outgoing,
}

impl<R: Read + Write> WebSocket<R> {
    /// Takes the socket apart: one thread receives, others send through a second handle of the stream, which
    /// `clone` makes.
    ///
    /// ```no_run
    /// # use std::net::TcpStream;
    /// # use ws_frame::blocking::WebSocket;
    /// # fn chat(socket: WebSocket<TcpStream>) -> Result<(), ws_frame::Error> {
    /// let (mut sender, mut receiver) = socket.split(TcpStream::try_clone)?;
    /// std::thread::spawn(move || sender.send("Hello"));
    /// while let Some(message) = receiver.receive()? {
    ///     println!("{message:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `clone` failed.
    pub fn split<W: Write>(
        self,
        clone: impl FnOnce(&R) -> io::Result<W>,
    ) -> io::Result<(Sender<W>, Receiver<R, W>)> {
        let io = clone(&self.io)?;
        let writing = Arc::new(Mutex::new(Writing { io, sending: self.connection.sending }));
        let receiver = Receiver {
            io: self.io,
            receiving: self.connection.receiving,
            writing: Arc::clone(&writing),
            failure: self.failure,
            is_answer_unsent: false,
            has_ended: self.has_ended,
        };
        Ok((Sender { writing }, receiver))
    }
}

impl<R: Read, W: Write> Receiver<R, W> {
    /// Waits for the next message, or returns `None` once the peer has closed.
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::receive`].
    pub fn receive(&mut self) -> Result<Option<Message>, Error> {
        loop {
            if let Some(message) = self.receiving.next_whole() {
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
    /// As for [`WebSocket::receive`].
    pub fn receive_event(&mut self) -> Result<Option<OwnedEvent>, Error> {
        loop {
            match self.receiving.next_event() {
                Ok(None) => {}
                Ok(Some(event @ (OwnedEvent::Message(_) | OwnedEvent::Pong(_)))) => {
                    return Ok(Some(event));
                }
                Ok(Some(event)) => {
                    let mut writing = lock(&self.writing);
                    writing.sending.answer(&event);
                    // The next call writes again, and says if that fails.
                    self.is_answer_unsent = writing.write().is_err();
                    return Ok(Some(event));
                }
                Err(error) => {
                    let mut writing = lock(&self.writing);
                    writing.sending.refuse(error);
                    let _ = writing.write();
                    self.failure = Some(error);
                }
            }
            if self.receiving.is_closed() || self.has_ended {
                return self.failure.take().map_or(Ok(None), |error| Err(error.into()));
            }
            if self.is_answer_unsent {
                lock(&self.writing).write()?;
                self.is_answer_unsent = false;
            }
            if read(&mut self.io, &mut self.receiving)? == 0 {
                self.has_ended = true;
                return Err(Error::Ended);
            }
        }
    }
}

impl<W: Write> Sender<W> {
    /// Sends a message, and waits until the stream has taken it.
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::send`].
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message)?;
        self.flush()
    }

    /// Adds a message to what is to be sent, which takes a [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::feed`].
    pub fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let mut writing = lock(&self.writing);
        if writing.sending.output().len() > OUTPUT_BYTES_MAX {
            writing.write()?;
        }
        Ok(writing.sending.message(&message.into())?)
    }

    /// Waits until the stream has taken all that was to be sent.
    ///
    /// # Errors
    ///
    /// The stream failed.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(lock(&self.writing).write()?)
    }

    /// Sends a ping. Its pong comes as an event of [`Receiver::receive_event`].
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::ping`].
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        let mut writing = lock(&self.writing);
        writing.sending.ping(payload)?;
        Ok(writing.write()?)
    }

    /// Sends a close: nothing can be sent after it. The receiver returns `None` when the peer has closed
    /// too.
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::send_close`].
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let mut writing = lock(&self.writing);
        writing.sending.close(Some(Close { code, reason }))?;
        Ok(writing.write()?)
    }
}

impl<W> Clone for Sender<W> {
    fn clone(&self) -> Self {
        Self { writing: Arc::clone(&self.writing) }
    }
}

impl<W: Write> Writing<W> {
    fn write(&mut self) -> io::Result<()> {
        write(&mut self.io, &mut self.sending)
    }
}

fn lock<W>(writing: &Mutex<Writing<W>>) -> MutexGuard<'_, Writing<W>> {
    writing.lock().unwrap_or_else(PoisonError::into_inner)
}
