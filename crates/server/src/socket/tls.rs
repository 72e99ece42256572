//! TLS over TCP, as one more socket.
//!
//! Bytes are encrypted and decrypted in a buffer that all connections of a thread share. A connection keeps only the
//! rest of a record that TCP did not take, and the beginning of one that has not arrived: an idle one keeps neither.
//!
//! ```text
//!   write   plaintext ─▶ a record ─▶ TCP; what TCP does not take is kept, and goes before all else
//!   read    TCP ─▶ records ─▶ the reader's buffer; what it has no room for is kept for the next read
//! ```

use super::{
    Socket,
    session::{PLAINTEXT_BYTES_MAX, RECORD_BYTES_MAX, SealError, Session},
};
use rustls::ServerConfig;
use socket2::SockRef;
use std::{
    cell::RefCell,
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
};

/// A TLS session with a client, and its TCP connection.
pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: Session,
    /// Records that TCP has not taken.
    unsent: Rest,
    /// The beginning of a record whose end has not come.
    partial: Vec<u8>,
    /// Plaintext for which a reader had no room.
    plaintext: Rest,
    /// The client sends nothing more.
    has_ended: bool,
    /// Nothing more is sent, and the client is notified of that.
    has_said_end: bool,
}

impl TlsStream {
    /// A session that begins with the handshake; [`TlsStream::poll_handshake`] goes on with it.
    ///
    /// # Errors
    ///
    /// The configuration makes no sense to rustls.
    pub(crate) fn new(tcp: TcpStream, config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self {
            tcp,
            session: Session::new(config)?,
            unsent: Rest::default(),
            partial: Vec::new(),
            plaintext: Rest::default(),
            has_ended: false,
            has_said_end: false,
        })
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Whether the client has chosen HTTP/2 in the handshake.
    pub(super) fn speaks_http2(&self) -> bool {
        self.session.protocol() == Some(HTTP_2)
    }

    /// Goes on with the handshake; ready once it has ended, and all of our part of it is with TCP.
    ///
    /// It asks `turn` before it works on what has come.
    ///
    /// # Errors
    ///
    /// The client broke off, or the handshake failed. The alert that says why has been sent, if TCP took it.
    pub(crate) fn poll_handshake(
        &mut self,
        context: &mut Context<'_>,
        mut turn: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_flush(context))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if self.has_ended {
                return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
            }
            // Nothing to read takes no turn.
            ready!(self.tcp.poll_read_ready(context))?;
            ready!(turn(context));
            ready!(self.read_records(context, &mut []))?;
            if self.session.is_handshaking() && self.partial.len() > HANDSHAKE_BYTES_MAX {
                return Poll::Ready(Err(ErrorKind::InvalidData.into()));
            }
        }
    }

    /// Ready unless there is certainly nothing to read.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        match self.plaintext.is_empty() {
            true => self.tcp.poll_read_ready(context).map(drop),
            false => Poll::Ready(()),
        }
    }

    /// Sends what TCP has not taken.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let slices = [IoSlice::new(self.unsent.bytes())];
            match ready!(Socket::poll_write(&mut self.tcp, context, &slices))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                sent => self.unsent.advance(sent),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends `close_notify`, then ends the side that sends.
    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_end();
        ready!(self.poll_flush(context))?;
        self.tcp.end_sending();
        Poll::Ready(Ok(()))
    }

    /// Reads records once, and decrypts what is whole: into `buffer`, then into `self.plaintext`. Returns how many
    /// bytes of `buffer` were filled.
    fn read_records(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { tcp, session, unsent, partial, plaintext, has_ended, has_said_end } = self;
        SCRATCH.with_borrow_mut(|scratch| {
            copy(partial, scratch);
            // Not much more than is asked for: the rest of the plaintext would have to be kept.
            let room_end = partial.len() + buffer.len().max(READ_BYTES_MIN);
            let room = scratch.get_mut(partial.len()..room_end.min(SCRATCH_BYTES));
            let mut read = ReadBuf::new(room.unwrap_or_default());
            ready!(Pin::new(&mut *tcp).poll_read(context, &mut read))?;
            let count = read.filled().len();
            if count == 0 {
                // With a record cut off, or without `close_notify`, it is the end all the same: HTTP and WebSocket
                // say themselves where their messages end.
                *has_ended = true;
                return Poll::Ready(Ok(0));
            }
            let (end, mut filled) = (partial.len() + count, 0);
            let input = scratch.get_mut(..end).unwrap_or_default();
            let received = |piece: &[u8]| {
                let count = copy(piece, buffer.get_mut(filled..).unwrap_or_default());
                filled += count;
                plaintext.extend(piece.get(count..).unwrap_or_default());
            };
            match session.take_in(input, received, unsent.as_mut_vec()) {
                Ok(taken) => {
                    *has_ended |= taken.has_ended;
                    let rest = input.get(taken.used..).unwrap_or_default();
                    // Exactly as long: thousands of clients may each send half a record.
                    *partial = if *has_ended { Vec::new() } else { rest.to_vec() };
                    Poll::Ready(Ok(filled))
                }
                Err(error) => {
                    // The alert goes out if there is room for it.
                    let _ = SockRef::from(&*tcp).send(unsent.bytes());
                    *unsent = Rest::default();
                    (*has_ended, *has_said_end) = (true, true);
                    tracing::debug!(%error, "a TLS session has failed");
                    Poll::Ready(Err(io::Error::new(ErrorKind::InvalidData, error)))
                }
            }
        })
    }

    /// Notifies the client that nothing more is sent.
    fn say_end(&mut self) {
        if self.has_said_end {
            return;
        }
        self.has_said_end = true;
        let Self { session, unsent, .. } = self;
        SCRATCH.with_borrow_mut(|scratch| {
            // Before the handshake has ended there is nobody to notify.
            let written = session.seal_end(scratch).unwrap_or(0);
            unsent.extend(scratch.get(..written).unwrap_or_default());
        });
    }
}

impl Socket for TlsStream {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            // Only to have the waker replaced.
            return Pin::new(&mut self.tcp)
                .poll_read(context, &mut ReadBuf::new(buffer))
                .map_ok(|()| 0);
        }
        for _ in 0..READS_MAX {
            if !self.plaintext.is_empty() {
                return Poll::Ready(Ok(self.plaintext.hand_out(buffer)));
            }
            if self.has_ended {
                return Poll::Ready(Ok(0));
            }
            let filled = ready!(self.read_records(context, buffer))?;
            // An answer of the session itself, to a change of keys. What does not pass waits for the next write.
            if !self.unsent.is_empty()
                && let Poll::Ready(Err(error)) = self.poll_flush(context)
            {
                return Poll::Ready(Err(error));
            }
            if filled > 0 {
                return Poll::Ready(Ok(filled));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(context))?;
        if self.has_said_end {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let Self { tcp, session, unsent, .. } = self;
        SCRATCH.with_borrow_mut(|scratch| {
            let (gathered, records) = scratch.split_at_mut(PLAINTEXT_BYTES_MAX);
            let (mut plaintext, mut taken) = (Plaintext { slices, passed: 0 }, 0);
            while taken < WRITE_BYTES_MAX
                && let Some(piece) = plaintext.next_piece(gathered)
            {
                let written = session.seal(piece, records)?;
                taken += piece.len();
                let mut record = records.get(..written).unwrap_or_default();
                while !record.is_empty() {
                    match Socket::poll_write(tcp, context, &[IoSlice::new(record)]) {
                        Poll::Ready(Ok(0)) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                        Poll::Ready(Ok(sent)) => record = record.get(sent..).unwrap_or_default(),
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => {
                            // It is sealed, so it counts as taken.
                            unsent.extend(record);
                            return Poll::Ready(Ok(taken));
                        }
                    }
                }
            }
            Poll::Ready(Ok(taken))
        })
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // An error is for the write to find.
        match self.poll_flush(context) {
            Poll::Ready(Ok(())) => self.tcp.poll_writable(context),
            other => other.map(drop),
        }
    }

    fn end_sending(&mut self) {
        self.say_end();
        while !self.unsent.is_empty() {
            match self.tcp.try_write(self.unsent.bytes()) {
                Ok(sent) if sent > 0 => self.unsent.advance(sent),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The client is gone, which the next read finds.
                _ => break,
            }
        }
        self.tcp.end_sending();
    }

    fn unsent_bytes(&self) -> usize {
        self.unsent.len()
    }

    fn unread_bytes(&self) -> usize {
        // With memory that was kept for nothing, which would be a mistake.
        self.partial.capacity() + self.plaintext.bytes.capacity()
    }
}

impl From<SealError> for io::Error {
    fn from(error: SealError) -> Self {
        Self::new(ErrorKind::BrokenPipe, error)
    }
}

/// Bytes that leave from their front. Without any, it holds no memory.
#[derive(Debug, Default)]
struct Rest {
    bytes: Vec<u8>,
    passed: usize,
}

impl Rest {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(self.passed..).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.bytes.len() - self.passed
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn extend(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.reserve_exact(bytes.len());
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn as_mut_vec(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.passed = (self.passed + count).min(self.bytes.len());
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Moves as much to `buffer` as it has room for; returns how much.
    fn hand_out(&mut self, buffer: &mut [u8]) -> usize {
        let count = copy(self.bytes(), buffer);
        self.advance(count);
        count
    }
}

/// What is to be sent, in pieces of a record each.
struct Plaintext<'a> {
    slices: &'a [IoSlice<'a>],
    /// Bytes of the first slice that have been handed out.
    passed: usize,
}

impl<'a> Plaintext<'a> {
    /// The next piece: of one slice if that is long enough, or else of several, side by side in `gathered`.
    fn next_piece<'b>(&mut self, gathered: &'b mut [u8]) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        let mut filled = 0;
        while let Some((slice, others)) = self.slices.split_first() {
            let rest = slice.get(self.passed..).unwrap_or_default();
            let piece = rest.get(..PLAINTEXT_BYTES_MAX).unwrap_or(rest);
            if filled == 0 && (piece.len() == PLAINTEXT_BYTES_MAX || others.is_empty()) {
                self.pass(piece.len());
                return (!piece.is_empty()).then_some(piece);
            }
            let room = gathered.get_mut(filled..PLAINTEXT_BYTES_MAX).unwrap_or_default();
            if room.is_empty() {
                break;
            }
            let count = copy(piece, room);
            filled += count;
            self.pass(count);
        }
        gathered.get(..filled).filter(|piece| !piece.is_empty())
    }

    fn pass(&mut self, count: usize) {
        self.passed += count;
        while let Some((slice, others)) = self.slices.split_first()
            && self.passed >= slice.len()
        {
            self.passed -= slice.len();
            self.slices = others;
        }
    }
}

/// Copies as much as both have; returns how many bytes that is.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..count), to.get_mut(..count)) {
        to.copy_from_slice(from);
    }
    count
}

thread_local! {
    /// For records that are read, or sealed, during one call.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// The name by which ALPN calls HTTP/2 ([RFC 9113 §3.2]).
///
/// [RFC 9113 §3.2]: https://www.rfc-editor.org/rfc/rfc9113#section-3.2
const HTTP_2: &[u8] = b"h2";

/// The longest record that rustls accepts, less its last byte, and a read of 40 KiB; or the plaintext of a record and the
/// record.
const SCRATCH_BYTES: usize = 64 << 10;

const _: () = assert!(SCRATCH_BYTES >= PLAINTEXT_BYTES_MAX + RECORD_BYTES_MAX);

/// The longest record: it has to be whole to be decrypted.
const READ_BYTES_MIN: usize = 19 << 10;

/// What of a client's part of the handshake may wait for its end: a `ClientHello` is of two kilobytes, or three.
const HANDSHAKE_BYTES_MAX: usize = 16 << 10;

/// Reads in a call that bring no plaintext: records that are cut into many packets, or hold nothing.
const READS_MAX: usize = 8;

/// What one call encrypts: a twentieth of a millisecond.
const WRITE_BYTES_MAX: usize = 128 << 10;
