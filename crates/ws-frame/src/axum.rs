//! WebSockets in axum's handlers: the extractor [`WebSocketUpgrade`].
//!
//! ```no_run
#![doc = include_str!("../examples/axum_echo.rs")]
//! ```

use alloc::string::ToString;
use core::error::Error;
use core::fmt::{self, Display, Formatter};
use core::future::Future;

use ::http::header::HeaderMap;
use ::http::request::Parts;
use ::hyper::upgrade::OnUpgrade;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};

use crate::hyper::{HyperSocket, Upgrade};
use crate::{HandshakeError, HandshakeKey, Options, http};

/// A request for a WebSocket, as the argument of a handler. What it returns is [the
/// response](Self::on_upgrade).
#[derive(Debug)]
pub struct WebSocketUpgrade {
    key: HandshakeKey,
    headers: HeaderMap,
    stream: OnUpgrade,
    options: Options,
}

impl WebSocketUpgrade {
    /// Opens it with these options: subprotocols, compression, limits.
    #[must_use]
    pub fn options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// The response, after which `serve` runs with the socket, in a task of its own. What `serve`
    /// returns is dropped. It does not run if the client has gone by then.
    pub fn on_upgrade<F>(self, serve: impl FnOnce(HyperSocket) -> F + Send + 'static) -> Response
    where
        F: Future + Send + 'static,
    {
        let (response, agreed) = http::grant(&self.headers, &self.key, &self.options);
        let upgrade = Upgrade::new(self.stream, agreed);
        ::tokio::spawn(async move {
            if let Ok(socket) = upgrade.socket().await {
                serve(socket).await;
            }
        });
        response
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let key = http::accept_parts(&parts.method, parts.version, &parts.headers)?;
        let stream = parts.extensions.remove::<OnUpgrade>().ok_or(Rejection::NotUpgradable)?;
        Ok(Self { key, headers: parts.headers.clone(), stream, options: Options::default() })
    }
}

/// Why a request opens no WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// It does not ask for one.
    Request(HandshakeError),
    /// The server does not hand over its connections: they are not served with upgrades. That is the
    /// server's mistake, and is answered with 500.
    NotUpgradable,
}

impl From<HandshakeError> for Rejection {
    fn from(error: HandshakeError) -> Self {
        Self::Request(error)
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Self::Request(error) => {
                (http::refuse(error).into_parts().0, error.to_string()).into_response()
            }
            Self::NotUpgradable => {
                (::http::StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
            }
        }
    }
}

impl Display for Rejection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request(_) => "the request does not ask for a WebSocket",
            Self::NotUpgradable => "the server serves its connections without upgrades",
        })
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Request(error) => Some(error),
            Self::NotUpgradable => None,
        }
    }
}
