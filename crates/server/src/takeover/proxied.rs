//! Connections that a proxy passes on with a header of the PROXY protocol in front ([`tidewire_client_address`]).
//!
//! Only the bytes of the header are taken from the socket: what follows is TLS or HTTP, and is read by somebody else.

use super::mismatch::{self, Reported};
use crate::socket::ProxyHeader;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tidewire_client_address::proxy_protocol::{HEADER_BYTES_MAX, Header, HeaderError};
use tokio::net::TcpStream;

/// Where the client of a connection is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Remote {
    /// As its proxy says, or the other end of the socket.
    pub(super) address: Option<SocketAddr>,
    /// What said so, if it was not the socket alone.
    pub(super) header: Option<ProxyHeader>,
}

/// Reads the header of a connection that comes from `peer`, which may be a listed proxy; `peek` waits for bytes and leaves them in
/// the socket. Returns the socket and where the client is: at `peer` if the header names no address.
///
/// # Errors
///
/// The peer is no listed proxy, or there is no header. Both are logged; if it is a plain request, it is answered.
pub(super) async fn open(
    tcp: TcpStream,
    peer: Option<SocketAddr>,
    is_listed: bool,
    is_plain: bool,
    disconnect: Duration,
    peek: impl AsyncFn(&TcpStream, &mut [u8]) -> io::Result<usize>,
) -> io::Result<(TcpStream, Remote)> {
    let refused = match is_listed {
        false => Refused::Stranger,
        true => match read(&tcp, peek).await? {
            Ok(header) => return Ok((tcp, remote(header, peer))),
            Err(error) => Refused::Header(error),
        },
    };
    refused.report(peer);
    if is_plain && refused.may_be_request() {
        mismatch::refuse(tcp, refused.answer(), disconnect).await?;
    }
    Err(ErrorKind::InvalidData.into())
}

fn remote(header: Header, peer: Option<SocketAddr>) -> Remote {
    match header.source {
        Some(_) => Remote { address: header.source, header: Some(ProxyHeader::Address) },
        None => Remote { address: peer, header: Some(ProxyHeader::NoAddress) },
    }
}

/// Takes the header from the socket, and no byte more.
async fn read(
    tcp: &TcpStream,
    peek: impl AsyncFn(&TcpStream, &mut [u8]) -> io::Result<usize>,
) -> io::Result<Result<Header, HeaderError>> {
    let mut header = Vec::new();
    loop {
        let taken = header.len();
        // The decoder refuses what is longer, so there is always room for one more byte.
        header.resize((taken * 2).clamp(FIRST_READ_BYTES, HEADER_BYTES_MAX), 0);
        let came = peek(tcp, header.get_mut(taken..).unwrap_or_default()).await?;
        if came == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        header.truncate(taken + came);
        let (decoded, end) = match Header::decode(&header) {
            Ok(Some((header, len))) => (Some(header), len),
            // All of it belongs to the header.
            Ok(None) => (None, header.len()),
            Err(error) => return Ok(Err(error)),
        };
        take(tcp, header.get_mut(taken..end).unwrap_or_default()).await?;
        if let Some(decoded) = decoded {
            return Ok(Ok(decoded));
        }
    }
}

/// Reads bytes that have been looked at before.
async fn take(tcp: &TcpStream, bytes: &mut [u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match tcp.try_read(rest) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => tcp.readable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Why a connection is refused.
#[derive(Clone, Copy)]
enum Refused {
    /// Its peer is no listed proxy.
    Stranger,
    /// What it begins with is no header.
    Header(HeaderError),
}

impl Refused {
    /// Logs it, each cause at most once a minute.
    fn report(self, peer: Option<SocketAddr>) {
        static STRANGERS: Reported = Reported::never();
        static HEADERS: Reported = Reported::never();
        let peer = peer.map_or_else(|| "somewhere".to_owned(), |peer| peer.ip().to_string());
        match self {
            Self::Stranger if STRANGERS.is_due() => tracing::warn!(
                peer,
                "a connection to a port for the PROXY protocol does not come from a listed proxy; it is disconnected. If \
                 it is a proxy of yours, add its address to trusted_proxies; clients use another port"
            ),
            Self::Header(error) if HEADERS.is_due() => tracing::warn!(
                peer,
                %error,
                "a proxy's connection is disconnected. Have the proxy send the PROXY protocol (HAProxy: \
                 send-proxy-v2, nginx: proxy_protocol on), or take proxy+ from this address of listen"
            ),
            _ => {}
        }
    }

    /// Whether the client may be one of HTTP, which reads an answer.
    fn may_be_request(self) -> bool {
        matches!(self, Self::Stranger | Self::Header(HeaderError::Missing))
    }

    fn answer(self) -> &'static str {
        match self {
            Self::Stranger => {
                "This port is for proxies that trusted_proxies lists. Use another port of this server\n"
            }
            Self::Header(_) => {
                "This port needs a header of the PROXY protocol before each connection, and there was none\n"
            }
        }
    }
}

/// Room for every header without further values.
const FIRST_READ_BYTES: usize = 256;
