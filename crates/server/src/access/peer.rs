//! Where a request comes from, as far as its socket and its headers show.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};

/// The other end of a request's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A program on this machine, which passes nothing on.
    ThisMachine,
    /// A proxy on this machine, which says so by this header.
    Forwarded(&'static HeaderName),
    /// Another machine, or nobody knows which.
    Elsewhere,
}

impl Peer {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let is_here =
            request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        let forwarded = FORWARDED.iter().find(|name| request.headers().contains_key(*name));
        match (is_here, forwarded) {
            (false, _) => Self::Elsewhere,
            (true, Some(name)) => Self::Forwarded(name),
            (true, None) => Self::ThisMachine,
        }
    }
}

/// What proxies send.
static FORWARDED: [HeaderName; 4] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

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
    }
}
