//! What one side wants of a WebSocket when it opens one.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Limits;
#[cfg(feature = "deflate")]
use crate::deflate::{Config, Level};

/// How to open a WebSocket. The default offers nothing beyond the plain protocol.
///
/// ```
/// # use ws_frame::{Limits, Options};
/// let limits = Limits::new().message_bytes_max(64 << 10);
/// let options = Options::default().limits(limits).subprotocol("chat.v1");
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) limits: Limits,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    #[cfg(feature = "deflate")]
    pub(crate) compression: Option<(Config, Level)>,
}

impl Options {
    /// The limits of what the peer may send.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// A subprotocol: a client offers it, a server supports it. A server takes the first of the
    /// client's names that it supports.
    #[must_use]
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocols.push(name.into());
        self
    }

    /// One more line of the head: of a client's request, or of the response that grants a server's. A
    /// line break in it is an error when the head is written; what grants in the types of the crate `http`, hyper
    /// and axum included, leaves such a line out.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Compressed messages, within these limits if the peer agrees.
    ///
    /// **Memory.** A socket has a deflater of its own from its first message of 16 bytes or more on, of up to 371
    /// KiB, whatever the context, and an inflater. With many connections that send the same, compress once: see
    /// [`Deflater`](crate::deflate::Deflater).
    ///
    /// ```
    /// # use ws_frame::Options;
    /// # use ws_frame::deflate::{Config, Level};
    /// let options = Options::default().compress(Config::default(), Level::DEFAULT);
    /// # let _ = options;
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compress(self, config: Config, level: Level) -> Self {
        Self { compression: Some((config, level)), ..self }
    }

    /// The names of the extensions that a client offers.
    pub(crate) fn extensions(&self) -> &'static [&'static str] {
        #[cfg(feature = "deflate")]
        if self.compression.is_some() {
            return &["permessage-deflate"];
        }
        &[]
    }

    /// What a client says in `Sec-WebSocket-Extensions`.
    pub(crate) fn extension_offer(&self) -> Option<String> {
        #[cfg(feature = "deflate")]
        let offer = self.compression.map(|(config, _)| config.offer());
        #[cfg(not(feature = "deflate"))]
        let offer = None;
        offer
    }
}
