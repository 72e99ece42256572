//! How a WebSocket over tokio begins: the opening handshake of either side.

use alloc::vec::Vec;
use std::net::SocketAddr;

use ::tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use ::tokio::net::{TcpStream, lookup_host};
use bytes::BytesMut;

use super::WebSocket;
use crate::opening::{self, HeadReader, Request, Url};
use crate::{Agreed, Error, HandshakeKey, OpenError, Options, OsMasks};

impl WebSocket<TcpStream> {
    /// Connects to `ws://host:port/path`, as a client that offers nothing beyond the plain protocol.
    ///
    /// # Errors
    ///
    /// As for [`connect_with`](Self::connect_with).
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(url, &Options::default()).await
    }

    /// Connects to `ws://host:port/path` as a client. For `wss`, open a TLS stream yourself and pass it to
    /// [`client`](Self::client).
    ///
    /// # Errors
    ///
    /// There is no such server, or it does not open a WebSocket.
    pub async fn connect_with(url: &str, options: &Options) -> Result<Self, Error> {
        let address = Url::parse(url).map_err(OpenError::from)?;
        if address.is_secure {
            return Err(OpenError::TlsNeeded.into());
        }
        // A server that listens at several addresses may answer at one of them only.
        let found: Vec<SocketAddr> = lookup_host((address.host, address.port)).await?.collect();
        let stream = TcpStream::connect(&*found).await?;
        // A small message does not wait for the one before it to be acknowledged.
        stream.set_nodelay(true)?;
        Self::client(stream, url, options).await
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> WebSocket<IO> {
    /// Opens a WebSocket as a server, on a stream that a client has just opened.
    ///
    /// For TCP, call `set_nodelay(true)` first, so that a small message does not wait for the one before it.
    ///
    /// # Errors
    ///
    /// As for [`accept_with`](Self::accept_with).
    pub async fn accept(stream: IO) -> Result<Self, Error> {
        Self::accept_with(stream, &Options::default(), |_| Ok(())).await
    }

    /// Opens a WebSocket as a server. `judge` sees the request before it is granted, for example its
    /// target or `Origin`, and refuses it with an HTTP status.
    ///
    /// A client need not send anything, so put this into a `timeout`.
    ///
    /// # Errors
    ///
    /// The request is none for a WebSocket, or was refused; the client has been answered.
    pub async fn accept_with(
        mut stream: IO,
        options: &Options,
        judge: impl FnOnce(&Request<'_>) -> Result<(), u16>,
    ) -> Result<Self, Error> {
        let (head, rest) = read_head(&mut stream).await?;
        let answer = opening::answer(&head, options, judge);
        stream.write_all(answer.response.as_bytes()).await?;
        stream.flush().await?;
        Ok(Self::open(stream, answer.agreed?, rest))
    }

    /// Opens a WebSocket as a client, on a stream that is connected to the host of `url`, with TLS if that is
    /// a `wss`.
    ///
    /// A server need not answer, so put this into a `timeout`.
    ///
    /// # Errors
    ///
    /// The server does not open a WebSocket.
    pub async fn client(mut stream: IO, url: &str, options: &Options) -> Result<Self, Error> {
        let (key, masks) = (HandshakeKey::from_os()?, OsMasks::new()?);
        let url = Url::parse(url).map_err(OpenError::from)?;
        let request = opening::request(&url, &key, options)?;
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let (head, rest) = read_head(&mut stream).await?;
        Ok(Self::open(stream, opening::conclude(&head, &key, options, masks)?, rest))
    }

    fn open(io: IO, agreed: Agreed, rest: BytesMut) -> Self {
        let connection = agreed.connection.with_received(rest);
        Self::from_agreed(io, Agreed { connection, ..agreed })
    }
}

/// Reads the peer's head; also returns what has come after it.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<(BytesMut, BytesMut), Error> {
    let mut reader = HeadReader::default();
    loop {
        if stream.read_buf(reader.room()).await? == 0 {
            return Err(OpenError::Ended.into());
        }
        if let Some(head) = reader.head()? {
            return Ok((head, reader.into_rest()));
        }
    }
}
