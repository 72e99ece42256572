//! The codes with which a connection may be closed.
//!
//! The codes that may travel are those of [RFC 6455 §7.4] and of the registry it opened; 1004,
//! 1005, 1006 and 1015 have a meaning at home only.
//!
//! [RFC 6455 §7.4]: https://www.rfc-editor.org/rfc/rfc6455#section-7.4

use core::fmt::{self, Display, Formatter};

/// A close code that may travel: 1000–1003, 1007–1014 or 3000–4999.
///
/// ```
/// # use ws_frame::CloseCode;
/// assert_eq!(CloseCode::new(1001), Some(CloseCode::GOING_AWAY));
/// assert_eq!(CloseCode::new(1006), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server goes down, a browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: the peer sent a kind of data that is not taken here.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: the peer sent text that is not UTF-8, or the like.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: the peer broke a rule of the house.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: the peer's message is too big.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the server did not agree to an extension the client needs.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the server met something unexpected.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the server restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the server is overloaded, come back later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway had no answer from the server to which it forwards.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code of this number, if it may travel.
    pub const fn new(number: u16) -> Option<Self> {
        match number {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(number)),
            _ => None,
        }
    }

    /// The code's number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl Display for CloseCode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn exactly_the_codes_that_may_travel_are_codes() {
        for number in 0..=u16::MAX {
            let legal = matches!(number, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(number).map(CloseCode::number), legal.then_some(number));
        }
    }
    #[test]
    fn a_code_is_shown_as_its_number() {
        assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001");
    }
}
