//! Why a connection ends: the payload of a close frame, empty or a code and a reason.

use crate::{CloseCode, ProtocolError};

/// The code and reason of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// Why, for programs.
    pub code: CloseCode,
    /// Why, for people: at most 123 bytes, often none.
    pub reason: &'a str,
}

impl<'a> Close<'a> {
    /// Reads the payload of a close frame, `None` when it is empty.
    ///
    /// # Errors
    ///
    /// The payload is a single byte, the code must not travel, or the reason is not UTF-8.
    pub(crate) fn decode(payload: &'a [u8]) -> Result<Option<Self>, ProtocolError> {
        let (code, reason) = match payload {
            [] => return Ok(None),
            [_] => return Err(ProtocolError::ClosePayloadOneByte),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::new(code).ok_or(ProtocolError::IllegalCloseCode(code))?;
        let reason = str::from_utf8(reason).map_err(|_| ProtocolError::CloseReasonNotUtf8)?;
        Ok(Some(Self { code, reason }))
    }
}
