//! The check that every request passes before it reaches a route: is this server the one it is for,
//! and who sends it?

use super::{
    AllowedHosts, AllowedOrigins, Authenticator, Caller,
    authenticator::StrangersMay,
    cors,
    host::Host,
    peer::{Proxies, proxy_header},
    sender::Sender,
};
use crate::{
    clock::wall_ms,
    limits::{Limit, Limits},
    problem::ProblemResponse,
    socket::Scheme,
};
use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::BoxBody,
    dev::{RequestHead, Service, ServiceRequest, ServiceResponse},
    http::{Method, header},
};
use std::{
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, PoisonError, RwLock},
};
use tidewire_client_address::ClientAddress;
use tidewire_protocol::ErrorCode;

/// Which hosts, origins and credentials the server answers.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    hosts: AllowedHosts,
    /// Whether only this machine can be asked.
    is_local: bool,
    origins: AllowedOrigins,
    authenticator: Authenticator,
    proxies: Proxies,
    limits: Option<Limits>,
}

/// The same for every worker, and replaced as a whole.
#[derive(Clone, Debug)]
pub(crate) struct SharedAccess(Arc<RwLock<Arc<Access>>>);

impl SharedAccess {
    pub(crate) fn new(access: Access) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(access))))
    }

    /// What holds for a request that comes now.
    pub(crate) fn current(&self) -> Arc<Access> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has other rules hold for requests from now on.
    pub(crate) fn replace(&self, access: Access) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
    }
}

/// Runs `service` for a request that is meant for this server, and adds the headers by which browsers know who
/// may read the answer. A request runs later if its token waits for a key, or if too many from its address were wrong.
pub(super) async fn authorise<S>(
    request: ServiceRequest,
    service: Rc<S>,
    access: Arc<Access>,
) -> Result<ServiceResponse, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let address = access.client(request.request());
    if let Some(address) = address {
        request.extensions_mut().insert(address);
    }
    let host = access.check_url(request.head()).and_then(|()| access.host(request.head()));
    let host = match host {
        Ok(host) => host,
        Err(refused) => return Ok(request.error_response(refused)),
    };
    // One of HTTP/2 has it with it. One that came another way than through a socket of ours is one of a test.
    let scheme = request.extensions().get().or(request.conn_data::<Scheme>()).copied();
    let scheme = scheme.unwrap_or(Scheme::Http);
    let caller = Caller::identify(request.headers(), host.as_ref(), scheme, &access.origins);
    let authenticator = &access.authenticator;
    let mut identity = authenticator.identify(request.head(), &caller, address, wall_ms());
    if let Err(error) = &identity
        && let Some(awaited) = authenticator.awaited(error)
    {
        let awaits_keys = error.awaits_keys();
        awaited.await;
        if awaits_keys {
            identity = authenticator.identify(request.head(), &caller, address, wall_ms());
        }
    }
    let knows_host = access.knows(host.as_ref());
    request.extensions_mut().insert(Sender { caller: caller.clone(), identity, knows_host });
    let cookies = access.authenticator.cookies();
    let mut answer = service.call(request).await?;
    cors::describe(&caller, cookies, answer.headers_mut());
    Ok(answer)
}

impl Access {
    /// A server of these `hosts`, beside this machine's, for pages of these `origins` and whom `authenticator` knows;
    /// `is_local` if only this machine can ask it.
    pub(crate) fn new(
        hosts: AllowedHosts,
        origins: AllowedOrigins,
        is_local: bool,
        authenticator: Authenticator,
    ) -> Self {
        Self { hosts, is_local, origins, authenticator, proxies: Proxies::default(), limits: None }
    }

    /// The same, with the proxies that may name the address of a client.
    pub(crate) fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// The same within limits.
    pub(crate) fn limited_by(self, limits: Limits) -> Self {
        Self { limits: Some(limits), ..self }
    }

    /// Refuses a URL that is too long, before anything reads it.
    fn check_url(&self, head: &RequestHead) -> Result<(), ProblemResponse> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let bytes = head.uri.path_and_query().map_or(0, |url| url.as_str().len());
        match bytes > limits.settings().url_bytes_max {
            true => {
                let exceeded = limits.exceeded(Limit::UrlBytes, None);
                Err(ProblemResponse::new(ErrorCode::UriTooLong, exceeded.to_string()))
            }
            false => Ok(()),
        }
    }

    /// The address of the client that sends a request.
    fn client(&self, request: &HttpRequest) -> Option<ClientAddress> {
        let opening = proxy_header(request);
        let client = |peer: SocketAddr| self.proxies.client(peer.ip(), opening, request.headers());
        request.peer_addr().map(client)
    }

    /// What the server says at its start of who may do what, line by line.
    pub(crate) fn notice(&self) -> Vec<&'static str> {
        let mut lines = vec![match (self.authenticator.strangers(), self.is_local) {
            (StrangersMay::Everything, true) if self.hosts.is_empty() => DEVELOPMENT,
            // Where a host of others' is named, a proxy on this machine lets them in.
            (StrangersMay::Everything, _) => OPEN,
            (StrangersMay::Something, _) => {
                "without a token, requests may do what [anonymous] lists"
            }
            (StrangersMay::Nothing, _) => "every request needs a token",
        }];
        if !self.checks_hosts() {
            lines.push(
                "requests for every host are answered; list this server's hosts with --allowed-hosts",
            );
        }
        lines
    }

    /// Whether a host has to be named. From beyond this machine the server is asked for under names
    /// that it cannot know.
    fn checks_hosts(&self) -> bool {
        self.is_local || !self.hosts.is_empty()
    }

    /// Whether a request for this host, which was answered, is certainly meant for this server. Where every host is
    /// answered, a name may lead the browser of a person on this machine here (DNS rebinding).
    fn knows(&self, host: Option<&Host>) -> bool {
        host.is_some_and(|host| host.name.is_loopback() || self.hosts.list(host))
    }

    /// The host that a request names, if it is one that this server answers to.
    fn host(&self, head: &RequestHead) -> Result<Option<Host>, ProblemResponse> {
        let host = named(head)?;
        // A load balancer's probe names an address, a name of its own, or no host. HAProxy's default probe is
        // `OPTIONS / HTTP/1.0` without a host. Every browser names one.
        let is_probe = head.uri.path().starts_with("/health/")
            || (host.is_none() && head.method == Method::OPTIONS);
        let is_ours = |host: &Host| host.name.is_loopback() || self.hosts.name(host);
        if !self.checks_hosts() || is_probe || host.as_ref().is_some_and(is_ours) {
            return Ok(host);
        }
        let asked = host.map_or_else(
            || "the request names no host".to_owned(),
            |host| format!("the request is for the host {}", host.name),
        );
        let message = format!(
            "{asked}, and this server answers only to localhost, 127.0.0.1, [::1] and what \
             allowed_hosts names. If the host is this server's, add it there (--allowed-hosts)"
        );
        Err(ProblemResponse::new(ErrorCode::Misdirected, message))
    }
}

/// The host of an absolute target, which goes before the header `Host` ([RFC 9112 §3.2.2]).
///
/// [RFC 9112 §3.2.2]: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
fn named(head: &RequestHead) -> Result<Option<Host>, ProblemResponse> {
    let parse = |text: &str| {
        Host::parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            let message = format!("{shown:?} is not a host, or a host and a port");
            ProblemResponse::new(ErrorCode::BadRequest, message)
        })
    };
    // Looked at in any case: a request with a broken one is broken ([RFC 9112 §3.2]).
    let field = match head.headers().get(header::HOST) {
        Some(value) if !value.is_empty() => {
            Some(parse(&String::from_utf8_lossy(value.as_bytes()))?)
        }
        _ => None,
    };
    match head.uri.authority() {
        Some(authority) => parse(authority.as_str()).map(Some),
        None => Ok(field),
    }
}

const DEVELOPMENT: &str =
    "development mode: anybody on this machine may read and publish everything";

const OPEN: &str = "open access: anybody who reaches this address, also through a proxy, may read and publish everything";

/// How much of an invalid host an error repeats.
const SHOWN_CHARS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use tidewire_broker::Grant;

    fn access(hosts: &str, is_local: bool) -> Access {
        let (hosts, origins) = (hosts.parse().unwrap(), AllowedOrigins::default());
        let authenticator = Authenticator::new(None, Some(Grant::open()));
        Access::new(hosts, origins, is_local, authenticator)
    }

    fn status(access: &Access, host: &'static str, path: &str) -> u16 {
        let request = TestRequest::with_uri(path).insert_header((header::HOST, host)).to_request();
        access.host(request.head()).map_or_else(|refused| refused.code.status(), |_| 200)
    }

    #[test]
    fn beyond_this_machine_every_host_is_answered_and_the_start_says_so_until_some_are_named() {
        let open = access("", false);
        assert_eq!(status(&open, "push.example", "/"), 200);
        assert_eq!(status(&open, "push.example/", "/"), 400);
        let words = open.notice().join("\n");
        assert!(words.contains(OPEN) && words.contains("--allowed-hosts"), "{words}");
        let closed = access("push.example", false);
        assert_eq!(closed.notice(), [OPEN]);
        for (host, expected) in
            [("push.example", 200), ("localhost:1", 200), ("10.0.0.5", 421), ("evil.example", 421)]
        {
            assert_eq!(status(&closed, host, "/"), expected, "{host}");
            assert_eq!(status(&closed, host, "/health/ready"), 200, "{host}");
        }
    }

    #[test]
    fn where_every_host_is_answered_only_loopback_is_known_to_be_meant() {
        for open in [access("", false), access("*", true), access("*, push.example", false)] {
            for (host, expected) in [
                ("localhost:8080", true),
                ("127.0.0.1:9090", true),
                ("[::1]", true),
                ("rebound.example", false),
                ("10.0.0.5", false),
            ] {
                assert_eq!(status(&open, host, "/"), 200);
                assert_eq!(open.knows(Host::parse(host).as_ref()), expected, "{host}");
            }
            assert!(!open.knows(None));
        }
        let push = Host::parse("push.example");
        assert!(access("*, push.example", false).knows(push.as_ref()));
    }

    #[test]
    fn a_server_that_a_proxy_may_lead_to_is_not_in_development() {
        assert_eq!(access("", true).notice(), [DEVELOPMENT]);
        assert_eq!(access("push.example", true).notice(), [OPEN]);
    }

    #[test]
    fn an_absolute_target_goes_before_the_host_header() {
        let access = access("", true);
        assert_eq!(status(&access, "localhost", "http://evil.example/publish/a"), 421);
        assert_eq!(status(&access, "evil.example", "http://localhost/publish/a"), 200);
        assert_eq!(status(&access, "evil example", "http://localhost/publish/a"), 400);
        assert_eq!(status(&access, "localhost", "http://user@localhost/publish/a"), 400);
    }
}
