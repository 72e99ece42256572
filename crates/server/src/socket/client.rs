//! The socket of a client: plain TCP, TLS over it, or a stream of an HTTP/2 connection.
//!
//! One type for all, so that a worker has one loop for all of its connections. The plain one is beside the tag, the
//! others in a box: a plain connection takes no more memory for them. A third kind beside the tag would: a `TcpStream` has
//! room for one other.

use super::{Http2Stream, Scheme, Socket, TlsStream};
use socket2::SockRef;
use std::{
    io::{self, IoSlice},
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connection of a client, as actix drives it and as the worker's loop does.
pub struct ClientSocket(Kind);

enum Kind {
    Plain(TcpStream),
    Wrapped(Box<Wrapped>),
}

/// Boxed each, as they differ in size.
enum Wrapped {
    Tls(Box<TlsStream>),
    Http2(Box<Http2Stream>),
}

impl ClientSocket {
    /// By which scheme the client came.
    pub fn scheme(&self) -> Scheme {
        match &self.0 {
            Kind::Plain(_) => Scheme::Http,
            // HTTP/2 is chosen in the handshake of TLS only.
            Kind::Wrapped(_) => Scheme::Https,
        }
    }

    /// Ready unless there is certainly nothing to read.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // An error is for the read to find.
        match &self.0 {
            Kind::Plain(tcp) => tcp.poll_read_ready(context).map(drop),
            Kind::Wrapped(wrapped) => match &**wrapped {
                Wrapped::Tls(tls) => tls.poll_readable(context),
                Wrapped::Http2(_) => Poll::Ready(()),
            },
        }
    }

    /// Whether the client has chosen HTTP/2 in the handshake.
    pub(crate) fn speaks_http2(&self) -> bool {
        matches!(&self.0, Kind::Wrapped(wrapped)
            if matches!(&**wrapped, Wrapped::Tls(tls) if tls.speaks_http2()))
    }

    /// Has the kernel hold at most `unsent_bytes` that are not sent, and give up on a client that takes nothing for
    /// `stall`. The streams of an HTTP/2 connection have it from their connection.
    pub(crate) fn tune(&self, unsent_bytes: u32, stall: Duration) {
        let Some(tcp) = self.tcp() else { return };
        let socket = SockRef::from(tcp);
        // A kernel that does not know an option only holds more, or longer.
        let _ = socket.set_tcp_notsent_lowat(unsent_bytes);
        let _ = socket.set_tcp_user_timeout(Some(stall));
    }

    /// `None` for a stream of HTTP/2, which shares it with others.
    fn tcp(&self) -> Option<&TcpStream> {
        match &self.0 {
            Kind::Plain(tcp) => Some(tcp),
            Kind::Wrapped(wrapped) => match &**wrapped {
                Wrapped::Tls(tls) => Some(tls.tcp()),
                Wrapped::Http2(_) => None,
            },
        }
    }
}

impl From<TcpStream> for ClientSocket {
    fn from(tcp: TcpStream) -> Self {
        Self(Kind::Plain(tcp))
    }
}

impl From<TlsStream> for ClientSocket {
    fn from(tls: TlsStream) -> Self {
        Self(Kind::Wrapped(Box::new(Wrapped::Tls(Box::new(tls)))))
    }
}

impl From<Http2Stream> for ClientSocket {
    fn from(stream: Http2Stream) -> Self {
        Self(Kind::Wrapped(Box::new(Wrapped::Http2(Box::new(stream)))))
    }
}

impl Socket for ClientSocket {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Socket::poll_read(tcp, context, buffer),
            Kind::Wrapped(wrapped) => wrapped.socket().poll_read(context, buffer),
        }
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Socket::poll_write(tcp, context, slices),
            Kind::Wrapped(wrapped) => wrapped.socket().poll_write(context, slices),
        }
    }

    fn peer_address(&self) -> Option<IpAddr> {
        if let Kind::Wrapped(wrapped) = &self.0
            && let Wrapped::Http2(stream) = &**wrapped
        {
            return stream.peer_address();
        }
        Some(self.tcp()?.peer_addr().ok()?.ip().to_canonical())
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Plain(tcp) => tcp.poll_writable(context),
            Kind::Wrapped(wrapped) => wrapped.socket().poll_writable(context),
        }
    }

    fn end_sending(&mut self) {
        match &mut self.0 {
            Kind::Plain(tcp) => tcp.end_sending(),
            Kind::Wrapped(wrapped) => wrapped.socket().end_sending(),
        }
    }

    fn unsent_bytes(&self) -> usize {
        self.tls().map_or(0, Socket::unsent_bytes)
    }

    fn unread_bytes(&self) -> usize {
        self.tls().map_or(0, Socket::unread_bytes)
    }
}

impl ClientSocket {
    /// What streams of HTTP/2 hold is counted for all of their connection together.
    fn tls(&self) -> Option<&TlsStream> {
        match &self.0 {
            Kind::Plain(_) => None,
            Kind::Wrapped(wrapped) => match &**wrapped {
                Wrapped::Tls(tls) => Some(tls),
                Wrapped::Http2(_) => None,
            },
        }
    }
}

impl Wrapped {
    fn socket(&mut self) -> &mut dyn Socket {
        match self {
            Self::Tls(tls) => &mut **tls,
            Self::Http2(stream) => &mut **stream,
        }
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Kind::Plain(tcp) = &mut this.0 {
            return Pin::new(tcp).poll_read(context, buffer);
        }
        let unfilled = buffer.initialize_unfilled();
        let count = ready!(Socket::poll_read(this, context, unfilled))?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match &mut this.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            _ => Socket::poll_write(this, context, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Kind::Wrapped(wrapped) => match &mut **wrapped {
                Wrapped::Tls(tls) => tls.poll_flush(context),
                // Its connection sends what it took.
                Wrapped::Http2(_) => Poll::Ready(Ok(())),
            },
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Kind::Wrapped(wrapped) => match &mut **wrapped {
                Wrapped::Tls(tls) => tls.poll_shutdown(context),
                Wrapped::Http2(stream) => {
                    stream.end_sending();
                    Poll::Ready(Ok(()))
                }
            },
        }
    }
}
