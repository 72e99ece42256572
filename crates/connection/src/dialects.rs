//! The protocols that there are, one a file, and the list by which a client's request chooses one.

mod framing;
mod ndjson;
mod sse;
mod tidewire_v1;
mod websocket;
mod websocket_frames;

pub use framing::Framing;
pub use sse::{Heartbeat, write_error_event};

use crate::{Dialect, Format};
use ndjson::Ndjson;
use sse::Sse;
use tidewire_v1::TidewireV1;
use websocket::WebSocket;

/// What a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Server-Sent Events.
    Sse {
        /// What `data:` carries.
        format: Format,
        /// How the response is delimited.
        framing: Framing,
        /// What says that the connection is there.
        heartbeat: Heartbeat,
    },
    /// One message a line.
    Stream {
        /// What a line carries.
        format: Format,
        /// How the response is delimited.
        framing: Framing,
    },
    /// WebSocket without a subprotocol: a frame out is a message, and a frame in is published.
    WebSocket(Format),
    /// WebSocket with requests and answers in JSON: the subprotocol `tidewire.v1`.
    Tidewire,
}

impl Wire {
    /// Its dialect, for one connection.
    pub fn dialect(self) -> Box<dyn Dialect> {
        match self {
            Self::Sse { format, framing, heartbeat } => {
                Box::new(Sse { format, framing, heartbeat })
            }
            Self::Stream { format, framing } => Box::new(Ndjson { format, framing }),
            Self::WebSocket(format) => Box::new(WebSocket::new(format)),
            Self::Tidewire => Box::new(TidewireV1::new()),
        }
    }
}
