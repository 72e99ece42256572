//! WebSockets on hyper's servers: [`upgrade`] answers the request, and waits for the stream.
//!
//! ```no_run
#![doc = include_str!("../examples/hyper_echo.rs")]
//! ```

use ::http::{Request, Response};
use ::hyper::upgrade::{OnUpgrade, Upgraded, on};
use hyper_util::rt::TokioIo;

use crate::tokio::WebSocket;
use crate::{Agreed, HandshakeError, Options, http};

/// A WebSocket on a connection that hyper has handed over.
pub type HyperSocket = WebSocket<TokioIo<Upgraded>>;

/// Answers a request for a WebSocket. Send the response, and wait for the [socket](Upgrade::socket) in a
/// task of its own: it is there once the response has been sent.
///
/// The connection must be served `with_upgrades`.
///
/// # Errors
///
/// The request does not ask for a WebSocket: answer it with [`refuse`](http::refuse).
pub fn upgrade<B, R: Default>(
    request: &mut Request<B>,
    options: &Options,
) -> Result<(Response<R>, Upgrade), HandshakeError> {
    let key = http::accept_request(request)?;
    let (response, agreed) = http::grant(request.headers(), &key, options);
    Ok((response, Upgrade::new(on(request), agreed)))
}

/// A WebSocket whose response has still to be sent.
#[derive(Debug)]
pub struct Upgrade {
    stream: OnUpgrade,
    agreed: Agreed,
}

impl Upgrade {
    pub(crate) const fn new(stream: OnUpgrade, agreed: Agreed) -> Self {
        Self { stream, agreed }
    }

    /// The subprotocol that both sides have agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.agreed.subprotocol.as_deref()
    }

    /// Waits until the response is sent and the stream is free.
    ///
    /// # Errors
    ///
    /// The client has gone, or the connection is not served `with_upgrades`.
    pub async fn socket(self) -> Result<HyperSocket, ::hyper::Error> {
        let stream = TokioIo::new(self.stream.await?);
        Ok(WebSocket::from_agreed(stream, self.agreed))
    }
}
