//! What the two sides of an opening handshake agree on, however its HTTP is read and written.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::handshake::{HandshakeKey, Offer, check_response, choose_subprotocol};
use crate::{Connection, Masks, OpenError, Options};

/// A WebSocket that both sides have agreed on, without its stream.
#[derive(Debug)]
#[non_exhaustive]
pub struct Agreed {
    /// One side of it: for a socket's `from_parts`, or for a stream of your own.
    pub connection: Connection,
    /// The subprotocol, if both sides have one in common.
    pub subprotocol: Option<String>,
}

/// A server's side: what it agrees to, and the `Sec-WebSocket-Extensions` of its response.
pub(crate) fn grant<'a>(
    subprotocols: impl IntoIterator<Item = &'a str>,
    extensions: impl IntoIterator<Item = &'a str>,
    options: &Options,
) -> (Agreed, Option<String>) {
    let supported: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
    let subprotocol = choose_subprotocol(subprotocols, &supported).map(String::from);
    let connection = Connection::server(options.limits);
    #[cfg(feature = "deflate")]
    if let Some((config, level)) = options.compression
        && let Some(agreement) = config.accept(extensions)
    {
        let connection = connection.compress(agreement, level);
        return (Agreed { connection, subprotocol }, Some(agreement.to_string()));
    }
    #[cfg(not(feature = "deflate"))]
    let _ = extensions;
    (Agreed { connection, subprotocol }, None)
}

/// A client's side: what the server's response, which it checks, has agreed to.
pub(crate) fn conclude<'a>(
    status: u16,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])> + Clone,
    key: &HandshakeKey,
    options: &Options,
    masks: impl Masks + Send + 'static,
) -> Result<Agreed, OpenError> {
    let subprotocols: Vec<&str> = options.subprotocols.iter().map(String::as_str).collect();
    let offer = Offer { subprotocols: &subprotocols, extensions: options.extensions() };
    let subprotocol = check_response(status, headers.clone(), key, offer)?;
    let subprotocol = subprotocol.map(ToString::to_string);
    let connection = Connection::client(options.limits, masks);
    #[cfg(feature = "deflate")]
    if let Some((config, level)) = options.compression {
        let lines = headers.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(EXTENSIONS));
        let lines = lines.filter_map(|(_, value)| str::from_utf8(value).ok());
        if let Some(agreement) = config.confirm(lines)? {
            return Ok(Agreed { connection: connection.compress(agreement, level), subprotocol });
        }
    }
    Ok(Agreed { connection, subprotocol })
}

#[cfg(feature = "deflate")]
const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
