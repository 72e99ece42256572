//! What is for operators, such as who is connected: one question, asked in one place.
//!
//! The credentials of a request allow it (`"admin": true`), or it is a program's on the machine of the server, which could
//! read the log's files as well.

use super::{Caller, Who, peer::Peer, sender::Sender};
use crate::problem::ProblemResponse;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use std::future::{Ready, ready};
use tidewire_protocol::ErrorCode;

/// Proof that a request may see and change what all clients do. An extractor: a handler that asks for it is for operators
/// only.
#[derive(Debug)]
pub(crate) struct AdminPermit(());

impl AdminPermit {
    /// The permit of a request.
    ///
    /// # Errors
    ///
    /// A page of another origin sends it, or neither its credentials nor its peer allow it.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, ProblemResponse> {
        Sender::read(request, |sender| sender.admin_permit(Peer::of(request)))
    }
}

impl FromRequest for AdminPermit {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl Sender {
    fn admin_permit(&self, peer: Peer) -> Result<AdminPermit, ProblemResponse> {
        self.caller.check_acting("do what is for operators")?;
        if self.identity.as_ref().is_ok_and(|identity| identity.is_admin()) {
            return Ok(AdminPermit(()));
        }
        // Over plain HTTP the request of a page may look like that of a program.
        let is_of_operator = matches!(self.caller, Caller::Program | Caller::OwnPage);
        let reason = match peer {
            Peer::ThisMachine if is_of_operator && self.knows_host => return Ok(AdminPermit(())),
            Peer::ThisMachine if is_of_operator => {
                "its host is neither localhost nor a loopback address, and allowed_hosts does not list it"
                    .to_owned()
            }
            Peer::ThisMachine => "a page sends it".to_owned(),
            Peer::Forwarded(name) => format!("its header {name} says that a proxy passes it on"),
            Peer::ProxyProtocol => "a proxy passes it on by the PROXY protocol".to_owned(),
            Peer::Elsewhere => "it comes from another machine".to_owned(),
        };
        let identity = self.identity.as_ref().map_err(Clone::clone)?;
        let message = format!(
            "this is for operators: programs on the machine of the server, and requests whose token or API key has admin. \
             This request has none, and {reason}. `tidewire key create NAME --admin` creates such a key"
        );
        Err(match identity.who() {
            Who::Anonymous if identity.may_show_token() => {
                ProblemResponse::new(ErrorCode::Unauthorized, message).with_challenge("Bearer")
            }
            Who::Anonymous => ProblemResponse::new(ErrorCode::Forbidden, message),
            Who::Token { .. } | Who::Key { .. } => {
                ProblemResponse::new(ErrorCode::Forbidden, message)
                    .with_challenge("Bearer error=\"insufficient_scope\"")
            }
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::access::{
        CredentialError,
        identity::{Carrier, Identity},
    };
    use actix_web::{HttpMessage as _, test::TestRequest};
    use tidewire_tokens::{Claims, KeyMark, Verified};

    /// A request of `caller` at `peer`, with these credentials, as `authorise` leaves it.
    pub(crate) fn request(
        peer: &str,
        header: Option<(&'static str, &'static str)>,
        caller: Caller,
        identity: Result<Identity, CredentialError>,
    ) -> HttpRequest {
        let request = TestRequest::get().peer_addr(peer.parse().unwrap());
        let request =
            header.into_iter().fold(request, TestRequest::insert_header).to_http_request();
        request.extensions_mut().insert(Sender { caller, identity, knows_host: true });
        request
    }

    pub(crate) fn holder(is_admin: bool, carrier: Carrier) -> Identity {
        let claims = Claims { admin: is_admin, expires_ms: u64::MAX, ..Claims::default() };
        let key = KeyMark::default();
        Identity::of_token(Verified { claims, key, api_key_id: None }, carrier)
    }

    fn status(request: &HttpRequest) -> u16 {
        AdminPermit::of(request).map_or_else(|refused| refused.code.status(), |_| 200)
    }

    const HERE: &str = "127.0.0.1:9";
    const THERE: &str = "10.0.0.5:9";
    const PROXY: Option<(&str, &str)> = Some(("x-forwarded-for", "10.0.0.5"));

    #[test]
    fn a_program_on_this_machine_may_unless_a_proxy_sends_it() {
        let nobody = || Ok(Identity::nobody());
        for (peer, header, expected) in
            [(HERE, None, 200), ("[::1]:9", None, 200), (HERE, PROXY, 401), (THERE, None, 401)]
        {
            let request = request(peer, header, Caller::Program, nobody());
            assert_eq!(status(&request), expected, "{peer} {header:?}");
        }
    }

    #[test]
    fn beyond_this_machine_a_token_has_to_have_admin_and_to_be_private() {
        for (identity, expected) in [
            (Ok(holder(true, Carrier::Private)), 200),
            (Ok(holder(true, Carrier::Query)), 403),
            (Ok(holder(true, Carrier::PublishingQuery)), 403),
            (Ok(holder(false, Carrier::Private)), 403),
            (Ok(holder(true, Carrier::Private).by_ticket("t")), 403),
            (Err(CredentialError::Ticket), 401),
        ] {
            let shown = format!("{identity:?}");
            let request = request(THERE, PROXY, Caller::Program, identity);
            assert_eq!(status(&request), expected, "{shown}");
        }
    }

    #[test]
    fn a_page_of_another_origin_may_not_and_an_allowed_one_needs_a_token() {
        let foreign = || Caller::foreign_for_tests();
        let allowed = || Caller::AllowedPage(crate::access::caller::Readers::All);
        let admin = || Ok(holder(true, Carrier::Private));
        let nobody = || Ok(Identity::nobody());
        for (caller, identity, expected) in [
            (Caller::OwnPage, nobody(), 200),
            (allowed(), nobody(), 401),
            (allowed(), admin(), 200),
            (foreign(), nobody(), 403),
            (foreign(), admin(), 403),
        ] {
            let shown = format!("{caller:?} {identity:?}");
            assert_eq!(status(&request(HERE, None, caller, identity)), expected, "{shown}");
        }
        for caller in [Caller::OwnPage, Caller::Program] {
            let rebound = request(HERE, None, caller, nobody());
            rebound.extensions_mut().get_mut::<Sender>().unwrap().knows_host = false;
            assert_eq!(status(&rebound), 401, "a name of any host may lead here");
        }
    }
}
