//! The WebSocket close codes that are used here, and what a client is to do after each.
//!
//! | code | meaning | reconnect |
//! |---|---|---|
//! | 1000 | the client asked for it | no |
//! | 1001 | the page closes | yes |
//! | 1002 | a frame broke the framing rules | no |
//! | 1003 | a kind of data that is not accepted here | no |
//! | 1007 | text that is not UTF-8 | no |
//! | 1008 | not allowed | no |
//! | 1009 | a message over the limit | no |
//! | 1011 | an error of the server | yes |
//! | 1012 | the server shuts down or restarts | yes, after the time that it gives |
//! | 1013 | the server is overloaded | yes |
//! | 4001 | no pong in time | yes |
//! | 4002 | the grant has expired | yes, with a new one |
//! | 4003 | an operator has ended the connection | yes |
//! | 4004 | the key of the client's token is in force no more | yes, with a new token |
//! | 4501 | no valid token came | no |
//!
//! Of the codes that are ours, a client reconnects after those below 4500 and not after the others.
//! The meanings below 4000 are those of the [IANA registry].
//!
//! [IANA registry]: https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number

/// Done, as asked.
pub const NORMAL: u16 = 1000;
/// The page is left.
pub const GOING_AWAY: u16 = 1001;
/// A frame broke the framing rules.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A kind of data that is not taken here.
pub const UNSUPPORTED_DATA: u16 = 1003;
/// Text that is not UTF-8.
pub const INVALID_TEXT: u16 = 1007;
/// Not allowed.
pub const POLICY_VIOLATION: u16 = 1008;
/// A message over the limit.
pub const MESSAGE_TOO_BIG: u16 = 1009;
/// The server's own mistake.
pub const INTERNAL_ERROR: u16 = 1011;
/// The server shuts down or restarts; the reason is a JSON object with the time after which to come back.
pub const SERVICE_RESTART: u16 = 1012;
/// The server is overloaded.
pub const TRY_AGAIN_LATER: u16 = 1013;
/// No pong in time.
pub const PONG_TIMEOUT: u16 = 4001;
/// The grant has expired: come back with a new one.
pub const GRANT_EXPIRED: u16 = 4002;
/// An operator has ended the connection.
pub const DISCONNECTED: u16 = 4003;
/// The key by which the client was known is in force no more: come back with a new token.
pub const KEY_WITHDRAWN: u16 = 4004;

/// No valid token came, and without one nothing is allowed.
pub const UNAUTHENTICATED: u16 = 4501;

/// Whether a client that was closed with `code` should come back, after a pause.
///
/// An unknown code is taken for a temporary failure.
pub const fn retryable(code: u16) -> bool {
    !matches!(
        code,
        NORMAL
            | PROTOCOL_ERROR
            | UNSUPPORTED_DATA
            | INVALID_TEXT
            | POLICY_VIOLATION
            | MESSAGE_TOO_BIG
            | 4500..=4999
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accidents_pass_and_mistakes_do_not() {
        for code in [1001, 1005, 1006, 1011, 1012, 1013, 1014, 3000, 4001, 4002, 4499] {
            assert!(retryable(code), "{code}");
        }
        for code in [1000, 1002, 1003, 1007, 1008, 1009, 4500, 4501, 4999] {
            assert!(!retryable(code), "{code}");
        }
    }
}
