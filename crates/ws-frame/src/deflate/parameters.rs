//! The four parameters of `permessage-deflate` ([RFC 7692 §7.1]), as the wire spells them.
//!
//! Apart from the agreement, which is about what they mean to either side.
//!
//! [RFC 7692 §7.1]: https://www.rfc-editor.org/rfc/rfc7692#section-7.1

use core::fmt::{self, Display, Formatter};

use super::extensions::Parameter;

/// What an offer or its answer says of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) server: SideParameters,
    pub(super) client: SideParameters,
}

/// What is said of the messages one side sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SideParameters {
    /// Whether each message stands for itself.
    pub(super) no_context_takeover: bool,
    /// The largest window: 8 to 15, if anything is said of it.
    pub(super) window_bits_max: Option<u8>,
}

/// Which side has sent the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// From a client, which may say that it heeds a limit of its window without giving one.
    Offer,
    /// From a server.
    Answer,
}

impl Parameters {
    /// Reads the parameters of a `permessage-deflate`.
    ///
    /// Returns `None` when one is unknown, comes twice, or has a value it must not have.
    pub(super) fn read(parameters: &[Parameter<'_>], source: Source) -> Option<Self> {
        let mut read = Self::default();
        for Parameter { name, value } in parameters {
            let value = value.as_deref();
            match (*name, value) {
                ("server_no_context_takeover", None) => set_flag(&mut read.server)?,
                ("client_no_context_takeover", None) => set_flag(&mut read.client)?,
                ("server_max_window_bits", Some(bits)) => set_bits(&mut read.server, bits)?,
                ("client_max_window_bits", Some(bits)) => set_bits(&mut read.client, bits)?,
                ("client_max_window_bits", None) if source == Source::Offer => {
                    set_bits(&mut read.client, "15")?;
                }
                _ => return None,
            }
        }
        Some(read)
    }
}

impl Display for Parameters {
    /// Writes the whole element of the list, name included.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server.no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client.no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server.window_bits_max {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client.window_bits_max {
            None => Ok(()),
            // Only an offer says so, and there it is the same as no value, which more servers know.
            Some(15) => f.write_str("; client_max_window_bits"),
            Some(bits) => write!(f, "; client_max_window_bits={bits}"),
        }
    }
}

fn set_flag(side: &mut SideParameters) -> Option<()> {
    let is_first = !side.no_context_takeover;
    side.no_context_takeover = true;
    is_first.then_some(())
}

fn set_bits(side: &mut SideParameters, value: &str) -> Option<()> {
    let bits = match value {
        "8" => 8,
        "9" => 9,
        "10" => 10,
        "11" => 11,
        "12" => 12,
        "13" => 13,
        "14" => 14,
        "15" => 15,
        _ => return None,
    };
    side.window_bits_max.replace(bits).is_none().then_some(())
}

/// The extension, as registered ([RFC 7692 §11.1]).
///
/// [RFC 7692 §11.1]: https://www.rfc-editor.org/rfc/rfc7692#section-11.1
pub(super) const NAME: &str = "permessage-deflate";
