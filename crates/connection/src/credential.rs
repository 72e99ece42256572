//! What a client shows to say who it is: a text that the core hands on and never looks at.

use std::fmt;

/// A secret text, such as a token. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential(Box<str>);

impl Credential {
    /// Takes the text, if it is no longer than [`CREDENTIAL_BYTES_MAX`].
    ///
    /// # Errors
    ///
    /// It is longer.
    pub fn new(text: &str) -> Result<Self, CredentialTooLong> {
        match text.len() {
            bytes if bytes > CREDENTIAL_BYTES_MAX => Err(CredentialTooLong { bytes }),
            _ => Ok(Self(text.into())),
        }
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credential({} bytes)", self.0.len())
    }
}

/// A client's request for another grant; [`crate::Connection::handle_authenticated`] answers it.
#[derive(Debug)]
pub struct PendingCredential {
    /// The client's number for it, if it wants an answer.
    pub id: Option<u64>,
    /// What it shows.
    pub credential: Credential,
}

/// The text of a credential is longer than any valid one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token has {bytes} bytes; at most {CREDENTIAL_BYTES_MAX} are allowed")]
pub struct CredentialTooLong {
    /// How long it is.
    pub bytes: usize,
}

/// As much as a header of a request may have; tokens have a few hundred bytes.
pub const CREDENTIAL_BYTES_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_a_limit_and_is_not_shown() {
        let longest = "x".repeat(16_384);
        let credential = Credential::new(&longest).unwrap();
        assert_eq!(
            (credential.reveal(), &*format!("{credential:?}")),
            (&*longest, "Credential(16384 bytes)")
        );
        let error = Credential::new(&format!("{longest}x")).unwrap_err();
        assert_eq!(error.to_string(), "token has 16385 bytes; at most 16384 are allowed");
    }
}
