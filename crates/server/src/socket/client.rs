//! The socket of a client: plain TCP, or TLS over it.
//!
//! One type for both, so that a worker has one loop for all of its connections. The plain one is beside the tag, the
//! other in a box: a plain connection takes no more memory for it.

use super::{Scheme, Socket, TlsStream};
use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A connection of a client, as actix drives it and as the worker's loop does.
pub struct ClientSocket(Kind);

enum Kind {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl ClientSocket {
    /// By which scheme the client came.
    pub fn scheme(&self) -> Scheme {
        match &self.0 {
            Kind::Plain(_) => Scheme::Http,
            Kind::Tls(_) => Scheme::Https,
        }
    }

    /// Ready unless there is certainly nothing to read.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // An error is for the read to find.
        match &self.0 {
            Kind::Plain(tcp) => tcp.poll_read_ready(context).map(drop),
            Kind::Tls(tls) => tls.poll_readable(context),
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Kind::Plain(tcp) => tcp,
            Kind::Tls(tls) => tls.tcp(),
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
        Self(Kind::Tls(Box::new(tls)))
    }
}

impl AsFd for ClientSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp().as_fd()
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
            Kind::Tls(tls) => Socket::poll_read(&mut **tls, context, buffer),
        }
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Socket::poll_write(tcp, context, slices),
            Kind::Tls(tls) => Socket::poll_write(&mut **tls, context, slices),
        }
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Plain(tcp) => tcp.poll_writable(context),
            Kind::Tls(tls) => tls.poll_writable(context),
        }
    }

    fn end_sending(&mut self) {
        match &mut self.0 {
            Kind::Plain(tcp) => tcp.end_sending(),
            Kind::Tls(tls) => tls.end_sending(),
        }
    }

    fn unsent_bytes(&self) -> usize {
        match &self.0 {
            Kind::Plain(_) => 0,
            Kind::Tls(tls) => tls.unsent_bytes(),
        }
    }

    fn unread_bytes(&self) -> usize {
        match &self.0 {
            Kind::Plain(_) => 0,
            Kind::Tls(tls) => tls.unread_bytes(),
        }
    }
}

impl AsyncRead for ClientSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Kind::Tls(tls) => {
                let unfilled = buffer.initialize_unfilled();
                let count = ready!(Socket::poll_read(&mut **tls, context, unfilled))?;
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for ClientSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Kind::Tls(tls) => Socket::poll_write(&mut **tls, context, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Kind::Tls(tls) => tls.poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Kind::Tls(tls) => tls.poll_shutdown(context),
        }
    }
}
