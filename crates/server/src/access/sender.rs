//! What [`super::authorise`] has found out about a request, kept with it; handlers ask for parts of it as arguments.

use super::{Caller, CredentialError, Identity};
use crate::problem::ProblemResponse;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use std::future::{Ready, ready};
use tidewire_protocol::ErrorCode;

/// Who sends a request: from which page, and with which credentials.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) caller: Caller,
    pub(super) identity: Result<Identity, CredentialError>,
    /// Whether the host that it is for is certainly one of this server.
    pub(super) knows_host: bool,
}

/// An [`Identity`], or [`CredentialError::Missing`] of a request that has no credentials and may do nothing without. For
/// routes whose clients can send credentials later.
#[derive(Debug)]
pub(crate) struct MaybeIdentity(pub(crate) Result<Identity, CredentialError>);

impl Sender {
    pub(super) fn read<T>(
        request: &HttpRequest,
        read: impl FnOnce(&Self) -> Result<T, ProblemResponse>,
    ) -> Result<T, ProblemResponse> {
        match request.extensions().get::<Self>() {
            Some(sender) => read(sender),
            None => {
                let message = "the request has not passed `authorise`";
                Err(ProblemResponse::new(ErrorCode::Internal, message))
            }
        }
    }
}

/// The subject of the token of a request, for the log.
pub(crate) fn subject(request: &HttpRequest) -> Option<String> {
    let extensions = request.extensions();
    let identity = extensions.get::<Sender>()?.identity.as_ref().ok()?;
    identity.subject().map(str::to_owned)
}

impl FromRequest for Caller {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Sender::read(request, |sender| Ok(sender.caller.clone())))
    }
}

/// Answers 401 where credentials are missing or not valid.
impl FromRequest for Identity {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Sender::read(request, |sender| Ok(sender.identity.clone()?)))
    }
}

impl FromRequest for MaybeIdentity {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Sender::read(request, |sender| match &sender.identity {
            Ok(_) | Err(CredentialError::Missing { .. }) => Ok(Self(sender.identity.clone())),
            Err(error) => Err(error.clone().into()),
        }))
    }
}
