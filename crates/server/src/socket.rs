//! The port through which connections reach their sockets, and plain TCP as its first implementation.
//!
//! TLS is the second one (`tls`), a stream of an HTTP/2 connection the third (`http2`). Neither a connection's turn nor
//! the worker's loop knows which it is.

mod client;
mod http2;
mod session;
mod tls;

pub use client::ClientSocket;
pub(crate) use http2::{
    HeadBytes, HoldServer, Http2Meter, Http2Receiver, Http2Stream, Input, Piece, STREAM_BYTES_MAX,
    poll_room,
};
pub(crate) use tls::TlsStream;

use socket2::SockRef;
use std::{
    fmt,
    io::{self, ErrorKind, IoSlice},
    net::{IpAddr, Shutdown},
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
};

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS, which this server itself ends.
    Https,
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// What a header of the PROXY protocol said of the client, on a connection that began with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// The address of the client, which counts as the other end of the connection.
    Address,
    /// No address. The other end is the proxy, and what the connection brings is from anybody.
    NoAddress,
}

/// What a connection is read from and written to. No call blocks.
///
/// `Pending` is the one case in which the context's waker is kept, and woken once it is worth another
/// try. A socket keeps one waker for reading and one for writing, which may be the same.
pub(crate) trait Socket {
    /// Reads what has come, at most as much as `buffer` holds; 0 is the end of what will come.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>>;

    /// Writes as much of `slices`, in order, as the socket takes.
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Whether a write is worth a try, after one that was not. It sends what [`Socket::unsent_bytes`] counts first.
    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()>;

    /// Begins to end the side that sends. It may be called again.
    fn end_sending(&mut self);

    /// The other end, as far as the socket knows it.
    fn peer_address(&self) -> Option<IpAddr> {
        None
    }

    /// Bytes that it took and that are still to be sent, less those that the kernel has.
    ///
    /// It sends them before anything else, and wakes the context of the call that left them.
    fn unsent_bytes(&self) -> usize {
        0
    }

    /// Bytes that it has read and that cannot be handed out yet, or were not.
    fn unread_bytes(&self) -> usize {
        0
    }
}

impl Socket for TcpStream {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        // This one knows that a read which did not fill the buffer has emptied the socket.
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(self).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [slice] = slices {
            // Past the runtime, whose state of this socket is elsewhere in memory: as long as the socket
            // takes bytes there is no need to look at it.
            match SockRef::from(&*self).send(slice) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
        loop {
            // Once more before anything is registered: the runtime has to learn that the socket is full.
            let written = match slices {
                [slice] => self.try_write(slice),
                slices => self.try_write_vectored(slices),
            };
            match written {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.poll_write_ready(context))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // An error is for the write to find.
        self.poll_write_ready(context).map(|_| ())
    }

    fn end_sending(&mut self) {
        // It fails where the client is gone, which the next read finds.
        let _ = SockRef::from(&*self).shutdown(Shutdown::Write);
    }
}

#[cfg(test)]
mod tests;
