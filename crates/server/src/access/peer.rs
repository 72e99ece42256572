//! Where a request comes from, as far as its socket and its headers show.

use crate::socket::ProxyHeader;
use actix_web::{
    HttpMessage as _, HttpRequest,
    http::header::{self, HeaderMap, HeaderName},
};
use std::{net::IpAddr, sync::Arc};
use tidewire_client_address::{ClientAddress, ForwardingHeader, TrustedProxies};

/// The address of the client that sends a request, which [`super::authorise`] has found out: limits, accounts and logs all
/// take this one. `None` only where a request came by no socket.
pub(crate) fn client_address(request: &HttpRequest) -> Option<ClientAddress> {
    request.extensions().get().copied()
}

/// The proxies that are listed, and the header by which they name a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    trusted: Arc<TrustedProxies>,
    header: ForwardingHeader,
}

impl Proxies {
    pub(crate) fn new(trusted: TrustedProxies, header: ForwardingHeader) -> Self {
        Self { trusted: Arc::new(trusted), header }
    }

    /// The client of a request with these headers, which comes from `peer`, on a connection that began with `opening`.
    pub(super) fn client(
        &self,
        peer: IpAddr,
        opening: Option<ProxyHeader>,
        headers: &HeaderMap,
    ) -> ClientAddress {
        if opening == Some(ProxyHeader::NoAddress) {
            // The proxy passes bytes on that it does not know, so it has not written these headers.
            return peer.into();
        }
        let name = match self.header {
            ForwardingHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardingHeader::Forwarded => header::FORWARDED,
        };
        // `GetAll` has no other end, and without a proxy nothing is collected.
        let lines: Vec<&[u8]> = match self.trusted.is_empty() {
            true => Vec::new(),
            false => headers.get_all(name).map(|value| value.as_bytes()).collect(),
        };
        self.trusted.client(peer, self.header, lines.into_iter())
    }
}

/// The other end of a request's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A program on this machine, which passes nothing on.
    ThisMachine,
    /// A proxy on this machine, which says so by this header.
    Forwarded(&'static HeaderName),
    /// A proxy that said so before the connection, wherever it says that the client is.
    ProxyProtocol,
    /// Another machine, or nobody knows which.
    Elsewhere,
}

impl Peer {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let is_here =
            request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        let forwarded = FORWARDED.iter().find(|name| request.headers().contains_key(*name));
        match (is_here, forwarded) {
            _ if proxy_header(request).is_some() => Self::ProxyProtocol,
            (false, _) => Self::Elsewhere,
            (true, Some(name)) => Self::Forwarded(name),
            (true, None) => Self::ThisMachine,
        }
    }
}

/// What the connection of a request began with. One of HTTP/2 has it with it.
pub(super) fn proxy_header(request: &HttpRequest) -> Option<ProxyHeader> {
    request.extensions().get().or(request.conn_data::<ProxyHeader>()).copied()
}

/// What proxies send.
static FORWARDED: [HeaderName; 4] =
    [header::FORWARDED, header::VIA, X_FORWARDED_FOR, HeaderName::from_static("x-real-ip")];

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_a_loopback_peer_without_a_proxys_header_is_of_this_machine() {
        for (peer, expected) in [
            ("127.0.0.1:5", Peer::ThisMachine),
            ("[::1]:5", Peer::ThisMachine),
            ("[::ffff:127.0.0.1]:5", Peer::ThisMachine),
            ("10.0.0.5:5", Peer::Elsewhere),
            ("[2001:db8::1]:5", Peer::Elsewhere),
        ] {
            let request = TestRequest::get().peer_addr(peer.parse().unwrap()).to_http_request();
            assert_eq!(Peer::of(&request), expected, "{peer}");
        }
        assert_eq!(Peer::of(&TestRequest::get().to_http_request()), Peer::Elsewhere);
        for name in &FORWARDED {
            let request = TestRequest::get().peer_addr("127.0.0.1:5".parse().unwrap());
            let request = request.insert_header((name.clone(), "x")).to_http_request();
            assert_eq!(Peer::of(&request), Peer::Forwarded(name));
        }
        for (header, peer) in
            [(ProxyHeader::Address, "127.0.0.1:5"), (ProxyHeader::NoAddress, "[::1]:5")]
        {
            let request = TestRequest::get().peer_addr(peer.parse().unwrap()).to_http_request();
            request.extensions_mut().insert(header);
            assert_eq!(Peer::of(&request), Peer::ProxyProtocol, "{header:?}");
        }
    }

    #[test]
    fn of_two_headers_only_the_one_that_is_configured_counts() {
        let mut headers = HeaderMap::new();
        for (name, value) in [(X_FORWARDED_FOR, "192.0.2.1"), (header::FORWARDED, "for=192.0.2.2")]
        {
            headers.append(name, value.parse().unwrap());
        }
        headers.append(X_FORWARDED_FOR, "192.0.2.3, 10.0.0.2".parse().unwrap());
        let client = |networks: &[&str], header| {
            let networks = networks.iter().map(|network| network.parse().unwrap());
            let proxies = Proxies::new(networks.collect(), header);
            proxies.client("10.0.0.1".parse().unwrap(), None, &headers).to_string()
        };
        let listed = ["10.0.0.0/8"];
        assert_eq!(client(&listed, ForwardingHeader::XForwardedFor), "192.0.2.3");
        assert_eq!(client(&listed, ForwardingHeader::Forwarded), "192.0.2.2");
        assert_eq!(client(&[], ForwardingHeader::Forwarded), "10.0.0.1");
    }

    #[test]
    fn a_forwarding_header_counts_only_from_a_proxy_that_named_its_peer() {
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, "192.0.2.1".parse().unwrap());
        let trusted = std::iter::once("10.0.0.0/8".parse().unwrap()).collect();
        let proxies = Proxies::new(trusted, ForwardingHeader::XForwardedFor);
        for (opening, expected) in [
            (None, "192.0.2.1"),
            (Some(ProxyHeader::Address), "192.0.2.1"),
            (Some(ProxyHeader::NoAddress), "10.0.0.1"),
        ] {
            let client = proxies.client("10.0.0.1".parse().unwrap(), opening, &headers);
            assert_eq!(client.to_string(), expected, "{opening:?}");
        }
    }
}
