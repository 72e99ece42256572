//! A WebSocket in two halves, for two tasks: one receives, the other one sends.
//!
//! The receiving half has the decoder and the reading end for itself. Encoder and writing end are shared,
//! since the receiver answers pings and closes. The lock is held while something is encoded or polled,
//! never while somebody waits.

use alloc::sync::Arc;
use core::fmt::{self, Debug, Formatter};
use core::future::poll_fn;
use core::task::{Context, Poll, Waker, ready};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use ::tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf, split};

use super::WebSocket;
use super::drive::{poll_end, poll_flush, poll_read, poll_room, poll_sent};
use crate::connection::Receiving;
use crate::outgoing::Outgoing;
use crate::{Close, CloseCode, Error, Message, OwnedEvent, ProtocolError, Role};

/// The half that receives. It answers pings and closes, also while the other half sends nothing.
///
/// Dropping a future of it loses nothing, as with the whole [`WebSocket`].
#[derive(Debug)]
pub struct Receiver<IO> {
    io: ReadHalf<IO>,
    receiving: Receiving,
    shared: Arc<Shared<IO>>,
    failure: Option<ProtocolError>,
    has_ended: bool,
}

/// The half that sends.
///
/// Dropping it does not close: call [`close`](Self::close). Dropping a future of it loses nothing, as with the whole
/// [`WebSocket`].
#[derive(Debug)]
pub struct Sender<IO> {
    shared: Arc<Shared<IO>>,
}

/// What both halves write through.
struct Shared<IO> {
    writing: Mutex<Writing<IO>>,
    wakers: Arc<Wakers>,
}

struct Writing<IO> {
    io: WriteHalf<IO>,
    sending: Outgoing,
    /// How the stream failed while an answer was written, until the receiver has reported it.
    error: Option<io::Error>,
}

/// Who waits for the stream to take more. A stream knows one waker, which has to wake both.
#[derive(Debug, Default)]
struct Wakers {
    receiver: Mutex<Option<Waker>>,
    sender: Mutex<Option<Waker>>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> WebSocket<IO> {
    /// Takes the socket apart: one task receives, another one sends.
    pub fn split(self) -> (Sender<IO>, Receiver<IO>) {
        let (read_half, write_half) = split(self.io);
        let writing =
            Writing { io: write_half, sending: self.connection.sending, error: self.write_error };
        let shared =
            Arc::new(Shared { writing: Mutex::new(writing), wakers: Arc::new(Wakers::default()) });
        let receiver = Receiver {
            io: read_half,
            receiving: self.connection.receiving,
            shared: Arc::clone(&shared),
            failure: self.failure,
            has_ended: self.has_ended,
        };
        (Sender { shared }, receiver)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Receiver<IO> {
    /// Waits for the next message, or returns `None` once the peer has closed.
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::receive`].
    pub async fn receive(&mut self) -> Result<Option<Message>, Error> {
        loop {
            if let Some(message) = self.receiving.next_whole() {
                return Ok(Some(message));
            }
            match self.receive_event().await? {
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
    pub async fn receive_event(&mut self) -> Result<Option<OwnedEvent>, Error> {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<OwnedEvent>, Error>> {
        loop {
            match self.receiving.next_event() {
                Ok(None) => {}
                Ok(Some(event)) => {
                    if !matches!(event, OwnedEvent::Message(_) | OwnedEvent::Pong(_)) {
                        self.shared.answer(&event, context);
                    }
                    return Poll::Ready(Ok(Some(event)));
                }
                Err(error) => {
                    self.failure = Some(error);
                    self.shared.lock().sending.refuse(error);
                }
            }
            if self.receiving.is_closed() || self.has_ended {
                return self.poll_closed(context);
            }
            let error = match ready!(self.poll_more(context)) {
                Ok(1..) => continue,
                Ok(0) => Error::Ended,
                Err(error) => error.into(),
            };
            self.has_ended = true;
            return Poll::Ready(Err(error));
        }
    }

    /// Polls for more bytes, and for the answers to be sent; no byte means that the stream has ended.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        ready!(self.shared.poll_answered(context))?;
        poll_read(&mut self.io, &mut self.receiving, context)
    }

    fn poll_closed(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<OwnedEvent>, Error>> {
        if !self.has_ended {
            let ends = self.failure.is_some() || self.receiving.role() == Role::Server;
            // A peer that has closed, or broken the protocol, may be gone: that is no news.
            let _ = ready!(self.shared.poll(Half::Receiver, context, |writing, context| {
                poll_end(&mut writing.io, &mut writing.sending, ends, context)
            }));
            self.has_ended = true;
        }
        Poll::Ready(self.failure.take().map_or(Ok(None), |error| Err(error.into())))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Sender<IO> {
    /// Sends a message, and waits until the stream has taken it.
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::send`].
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Adds a message to what is to be sent, which takes a [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::feed`].
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.wait(|writing, context| poll_room(&mut writing.io, &mut writing.sending, context))
            .await?;
        Ok(self.shared.lock().sending.message(&message.into())?)
    }

    /// Waits until the stream has taken all that was to be sent.
    ///
    /// # Errors
    ///
    /// The stream failed.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.wait(|writing, context| poll_flush(&mut writing.io, &mut writing.sending, context))
            .await
    }

    /// Sends a ping. Its pong comes as an event of [`Receiver::receive_event`].
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::ping`].
    pub async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.wait(|writing, context| poll_room(&mut writing.io, &mut writing.sending, context))
            .await?;
        self.shared.lock().sending.ping(payload)?;
        self.flush().await
    }

    /// Sends a close: nothing can be sent after it. The receiver returns `None` when the peer has closed
    /// too.
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::send_close`].
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.shared.lock().sending.close(Some(Close { code, reason }))?;
        self.flush().await
    }

    async fn wait(
        &mut self,
        mut poll: impl FnMut(&mut Writing<IO>, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Result<(), Error> {
        poll_fn(|context| self.shared.poll(Half::Sender, context, &mut poll)).await?;
        Ok(())
    }
}

/// Who polls.
#[derive(Clone, Copy)]
enum Half {
    Receiver,
    Sender,
}

impl<IO> Shared<IO> {
    fn lock(&self) -> MutexGuard<'_, Writing<IO>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Shared<IO> {
    /// Polls the writing end for one half, with a waker that wakes both.
    fn poll<T>(
        &self,
        half: Half,
        context: &mut Context<'_>,
        poll: impl FnOnce(&mut Writing<IO>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let place = match half {
            Half::Receiver => &self.wakers.receiver,
            Half::Sender => &self.wakers.sender,
        };
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        let waker = Waker::from(Arc::clone(&self.wakers));
        let polled = poll(&mut self.lock(), &mut Context::from_waker(&waker));
        if polled.is_ready() {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        polled
    }

    /// Answers an event, and begins to write that. If the stream fails, the next call says so.
    fn answer(&self, event: &OwnedEvent, context: &mut Context<'_>) {
        let _ = self.poll(Half::Receiver, context, |writing, context| {
            writing.sending.answer(event);
            let flushed = poll_flush(&mut writing.io, &mut writing.sending, context);
            if let Poll::Ready(Err(error)) = flushed {
                writing.error = Some(error);
            }
            Poll::<()>::Pending
        });
    }

    /// Polls until few enough answers wait that the peer may be asked for more.
    ///
    /// Whatever comes of it, the receiver is woken when the stream takes more: a sender that has given up
    /// leaves the rest to it.
    fn poll_answered(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut answered = Poll::Ready(Ok(()));
        let _ = self.poll(Half::Receiver, context, |writing, context| {
            answered = match writing.error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => poll_sent(&mut writing.io, &mut writing.sending, context),
            };
            Poll::<()>::Pending
        });
        answered
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        for place in [&self.receiver, &self.sender] {
            if let Some(waker) = place.lock().unwrap_or_else(PoisonError::into_inner).take() {
                waker.wake();
            }
        }
    }
}

impl<IO> Debug for Shared<IO> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
