//! How the two sides come to an agreement, in one header of the handshake ([RFC 7692 §5]).
//!
//! A client offers, a server takes the first offer it can keep or says nothing, and the client
//! checks that the answer keeps within its offer.
//!
//! [RFC 7692 §5]: https://www.rfc-editor.org/rfc/rfc7692#section-5

use alloc::string::{String, ToString};
use core::error::Error;
use core::fmt::{self, Display, Formatter};

use super::extensions;
use super::parameters::{NAME, Parameters, SideParameters, Source};
use super::{Context, Direction, WindowBits};

/// The most that either side may do: larger windows and older contexts are not agreed to.
///
/// The default is [`Context::Fresh`] and [`WindowBits::MAX`] both ways: it costs nothing between
/// messages, and one compressed message can go to many connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Config {
    /// How the server may compress.
    pub server: Direction,
    /// How the client may compress. Only one that heeds a limit of its window is held to it.
    pub client: Direction,
}

impl Config {
    /// A server's choice: the first offer it can keep, or `None` to go on without compression.
    ///
    /// `headers` are the values of every `Sec-WebSocket-Extensions` line of the request. The
    /// answer's line is the agreement as text; without an agreement there is no such line.
    ///
    /// An offer is passed over when a parameter is unknown, comes twice or has a wrong value
    /// ([RFC 7692 §7]), and when it asks for a server window of 2^8, which the library cannot do.
    /// A header that breaks the grammar offers nothing.
    ///
    /// ```
    /// # use ws_frame::deflate::{Config, Context};
    /// let offers = ["permessage-deflate; server_max_window_bits=10, permessage-deflate"];
    /// let agreement = Config::default().accept(offers).ok_or("no agreement")?;
    /// assert_eq!(agreement.server().window_bits.bits(), 10);
    /// assert_eq!(agreement.server().context, Context::Fresh);
    /// # Ok::<(), &str>(())
    /// ```
    ///
    /// [RFC 7692 §7]: https://www.rfc-editor.org/rfc/rfc7692#section-7
    pub fn accept<'a>(&self, headers: impl IntoIterator<Item = &'a str>) -> Option<Agreement> {
        let extensions = extensions::read(headers)?;
        let mut offers = extensions.iter().filter(|extension| extension.name == NAME);
        offers.find_map(|offer| self.answer(Parameters::read(&offer.parameters, Source::Offer)?))
    }

    /// A client's `Sec-WebSocket-Extensions` line.
    ///
    /// ```
    /// # use ws_frame::deflate::{Config, Context, Direction};
    /// let taken_over = Direction { context: Context::TakenOver, ..Direction::default() };
    /// let config = Config { server: taken_over, client: taken_over };
    /// assert_eq!(config.offer(), "permessage-deflate; client_max_window_bits");
    /// ```
    pub fn offer(&self) -> String {
        self.offered().to_string()
    }

    /// A client's check of the answer to its [`offer`](Self::offer): `None` if that was declined.
    ///
    /// `headers` are the values of every `Sec-WebSocket-Extensions` line of the response.
    ///
    /// # Errors
    ///
    /// The answer does not fit this offer. The client fails the connection ([RFC 7692 §5.1]).
    ///
    /// [RFC 7692 §5.1]: https://www.rfc-editor.org/rfc/rfc7692#section-5.1
    pub fn confirm<'a>(
        &self,
        headers: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<Agreement>, NegotiationError> {
        let extensions = extensions::read(headers).ok_or(NegotiationError::Malformed)?;
        let answer = match &extensions[..] {
            [] => return Ok(None),
            [only] if only.name == NAME => Parameters::read(&only.parameters, Source::Answer)
                .ok_or(NegotiationError::ParameterInvalid)?,
            _ => return Err(NegotiationError::ExtensionNotOffered),
        };
        self.conclude(answer).map(Some)
    }

    /// The answer to an offer, unless the server cannot keep it.
    fn answer(&self, offered: Parameters) -> Option<Agreement> {
        let limit = Self::limit(self.server);
        let server_bits = match offered.server.window_bits_max {
            Some(bits) if bits < WindowBits::MIN.bits() => return None,
            // A limit that is offered has to be answered, even if it limits nothing (RFC 7692 §7.1.2.1).
            Some(bits) => Some(bits.min(self.server.window_bits.bits())),
            None => limit,
        };
        // One that is not offered must not be answered (RFC 7692 §7.1.2.2).
        let client_bits = offered
            .client
            .window_bits_max
            .map(|bits| bits.min(self.client.window_bits.bits()))
            .filter(|bits| *bits < WindowBits::MAX.bits());
        let fresh = |offered: SideParameters, ours: Direction| {
            offered.no_context_takeover || ours.context == Context::Fresh
        };
        Some(Agreement(Parameters {
            server: SideParameters {
                no_context_takeover: fresh(offered.server, self.server),
                window_bits_max: server_bits,
            },
            client: SideParameters {
                no_context_takeover: fresh(offered.client, self.client),
                window_bits_max: client_bits,
            },
        }))
    }

    /// What a client offers: to be limited itself, and such limits as it sets.
    fn offered(&self) -> Parameters {
        Parameters {
            server: SideParameters {
                no_context_takeover: self.server.context == Context::Fresh,
                window_bits_max: Self::limit(self.server),
            },
            client: SideParameters {
                no_context_takeover: self.client.context == Context::Fresh,
                window_bits_max: Some(self.client.window_bits.bits()),
            },
        }
    }

    /// What the answer and the offer make together.
    fn conclude(&self, answer: Parameters) -> Result<Agreement, NegotiationError> {
        let offered = self.offered();
        let bits = |side: SideParameters| side.window_bits_max.unwrap_or(WindowBits::MAX.bits());
        let is_fit = answer.server.no_context_takeover >= offered.server.no_context_takeover
            && bits(answer.server) <= bits(offered.server)
            && answer.client.window_bits_max <= offered.client.window_bits_max
            && bits(answer.client) >= WindowBits::MIN.bits();
        if !is_fit {
            return Err(NegotiationError::ParameterUnfit);
        }
        // The client's own limits hold even if the answer does not repeat them (RFC 7692 §7.1.1.2,
        // §7.1.2.2).
        let client_bits = bits(answer.client).min(bits(offered.client));
        Ok(Agreement(Parameters {
            client: SideParameters {
                no_context_takeover: answer.client.no_context_takeover
                    || offered.client.no_context_takeover,
                window_bits_max: (client_bits < WindowBits::MAX.bits()).then_some(client_bits),
            },
            ..answer
        }))
    }

    /// The window as a parameter, which it is only if it limits anything.
    fn limit(direction: Direction) -> Option<u8> {
        let bits = direction.window_bits.bits();
        (bits < WindowBits::MAX.bits()).then_some(bits)
    }
}

/// What the two sides agreed on: compressed messages may go both ways.
///
/// Now a decoder must [allow them](crate::Decoder::allow_compressed). Nobody has to send any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement(Parameters);

impl Agreement {
    /// How the server may compress, at most.
    pub fn server(&self) -> Direction {
        Self::direction(self.0.server)
    }

    /// How the client may compress, at most.
    pub fn client(&self) -> Direction {
        Self::direction(self.0.client)
    }

    fn direction(side: SideParameters) -> Direction {
        let context = if side.no_context_takeover { Context::Fresh } else { Context::TakenOver };
        let window_bits = match side.window_bits_max {
            None => WindowBits::MAX,
            // A peer's 2^8 is the only one too small for us, and it fits into 2^9.
            Some(bits) => WindowBits::new(bits).unwrap_or(WindowBits::MIN),
        };
        Direction { context, window_bits }
    }
}

impl Display for Agreement {
    /// Writes the server's `Sec-WebSocket-Extensions` line.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A server's answer does not fit what the client offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The header breaks the grammar of [RFC 6455 §9.1].
    ///
    /// [RFC 6455 §9.1]: https://www.rfc-editor.org/rfc/rfc6455#section-9.1
    Malformed,
    /// It accepts another extension, or this one twice.
    ExtensionNotOffered,
    /// A parameter is unknown, comes twice, or has a wrong value.
    ParameterInvalid,
    /// A parameter goes beyond the offer, one is missing that the offer asks for, or the client
    /// shall use a window of 2^8, which it cannot.
    ParameterUnfit,
}

impl Display for NegotiationError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "Sec-WebSocket-Extensions is malformed",
            Self::ExtensionNotOffered => "the server accepts an extension that was not offered",
            Self::ParameterInvalid => "the server answers permessage-deflate with a bad parameter",
            Self::ParameterUnfit => "the server's permessage-deflate does not fit the offer",
        })
    }
}

impl Error for NegotiationError {}
