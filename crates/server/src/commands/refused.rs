//! What to do when a server refuses a command for its token.

use std::fmt;
use tidewire_client::{ItemError, PageError, PublishError, SubscribeError};
use tidewire_protocol::close;

/// The advice for an error, on a line of its own; nothing where a token has no part in it.
pub(super) struct Advice(&'static str);

impl Advice {
    /// What to do about an error of a command.
    pub(super) fn on(error: &anyhow::Error) -> Self {
        Self(match status(error) {
            Some(401) => UNAUTHORIZED,
            Some(403) => FORBIDDEN,
            _ => "",
        })
    }

    /// The same error, with what to do about it.
    pub(super) fn add_to(error: anyhow::Error) -> anyhow::Error {
        match Self::on(&error) {
            Self("") => error,
            advice => anyhow::anyhow!("{error:#}{advice}"),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// The status of a refusal, over HTTP or as one.
fn status(error: &anyhow::Error) -> Option<u16> {
    if let Some(PublishError::Refused(problem)) = error.downcast_ref() {
        return Some(problem.status);
    }
    if let Some(PageError::Refused(problem)) = error.downcast_ref() {
        return Some(problem.status);
    }
    if let Some(error) = error.downcast_ref::<ItemError>() {
        return error.error_code().map(|code| code.status());
    }
    match error.downcast_ref()? {
        SubscribeError::Refused(problem) => Some(problem.status),
        SubscribeError::Closed {
            code: close::GRANT_EXPIRED | close::KEY_WITHDRAWN | close::UNAUTHENTICATED,
            ..
        } => Some(401),
        _ => None,
    }
}

const UNAUTHORIZED: &str = "
  The server accepts this request only with a valid token: put one into the variable TIDEWIRE_TOKEN, or into a file for
  --token-file. Where the server's keys are, `tidewire token --config FILE --subscribe 'chat.*'` signs one for trying out.";

const FORBIDDEN: &str = "
  Who has signed the token decides what it allows: ask for one that allows this. Where the server's keys are,
  `tidewire token --config FILE --subscribe 'chat.*' --publish chat.room1 --history` signs one for trying out.";

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use tidewire_client::{ErrorCode, Problem};

    fn advice(error: impl Into<anyhow::Error>) -> String {
        let error = Err::<(), _>(error.into()).context("a context around it").unwrap_err();
        format!("{:#}", Advice::add_to(error))
    }

    #[test]
    fn a_refusal_for_a_token_says_what_to_do() {
        let problem = |code| Box::new(Problem::new(code, "as the server says"));
        let unauthorized = problem(ErrorCode::Unauthorized);
        for error in [
            advice(PublishError::Refused(unauthorized.clone())),
            advice(PageError::Refused(unauthorized.clone())),
            advice(SubscribeError::Refused(unauthorized)),
            advice(SubscribeError::Refused(problem(ErrorCode::Expired))),
            advice(SubscribeError::Closed { code: 4501, reason: "no token".into() }),
            advice(ItemError::new(ErrorCode::Unauthorized, "as the server says")),
        ] {
            assert!(error.contains("TIDEWIRE_TOKEN"), "{error}");
        }
        let forbidden = advice(PublishError::Refused(problem(ErrorCode::Forbidden)));
        assert!(forbidden.contains("as the server says\n  Who has signed"), "{forbidden}");
        for error in [
            advice(PublishError::Refused(problem(ErrorCode::BadChannel))),
            advice(SubscribeError::Closed { code: 1008, reason: String::new() }),
            advice(anyhow::anyhow!("no connection")),
        ] {
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
