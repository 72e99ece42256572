//! Who sends a request: a program, or a page of this server's, of an allowed origin, or of any other.
//!
//! Browsers let every page send, and open WebSockets, wherever it comes from; only reading the answer
//! takes the server's word (CORS). So whatever a request changes has to be refused here.

use super::{
    Identity,
    host::Host,
    origin::Origin,
    origins::{Allowed, AllowedOrigins, PageOrigin},
};
use crate::{problem::ProblemResponse, socket::Scheme};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use tidewire_broker::{Broker, Grant};
use tidewire_connection::Subscription;
use tidewire_protocol::ErrorCode;

/// The sender of a request; also an extractor, and with an [`Identity`] a handler's only way to a [`Grant`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nothing says that a browser sent it.
    Program,
    /// A page of this server's own, or the person at the browser's address bar.
    OwnPage,
    /// A page that `allowed_origins` allows.
    AllowedPage(Readers),
    /// Any other page.
    ForeignPage(Foreign),
}

/// Which pages may read the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Those of this origin, and what is for one person alone too.
    Origin(HeaderValue),
    /// Everybody's.
    All,
}

/// What is known of a page that may do nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// Which pages, as the subject of a sentence.
    pages: String,
    /// Why, and what to do about it.
    advice: String,
}

impl Caller {
    /// Judges a request for `host` that came by `scheme` by its headers.
    pub(super) fn identify(
        headers: &HeaderMap,
        host: Option<&Host>,
        scheme: Scheme,
        allowed: &AllowedOrigins,
    ) -> Self {
        let mut origins = headers.get_all(header::ORIGIN);
        match (origins.next(), origins.next()) {
            (None, _) => Self::without_origin(headers, allowed),
            (Some(origin), None) => Self::of_origin(origin, headers, host, scheme, allowed),
            (Some(_), Some(_)) => Self::ForeignPage(Foreign {
                pages: "pages of more than one origin".to_owned(),
                advice: "A browser sends one Origin header, and so must a proxy.".to_owned(),
            }),
        }
    }

    /// Of what `identity` may do, reading, from whatever page: whether it sees the answer is for its browser to say.
    pub(crate) fn reader_grant(&self, identity: &Identity) -> Grant {
        match self {
            Self::ForeignPage(_) => identity.grant().reading_only(),
            _ => identity.grant(),
        }
    }

    /// What `identity` may do, to do `what`: something that other clients notice, or an answer that browsers let every
    /// page read.
    ///
    /// # Errors
    ///
    /// The page may not, whatever its credentials allow.
    pub(crate) fn actor_grant(
        &self,
        identity: &Identity,
        what: &str,
    ) -> Result<Grant, ProblemResponse> {
        self.check_acting(what)?;
        Ok(identity.grant())
    }

    /// The same to publish, by a request of its own.
    ///
    /// # Errors
    ///
    /// The page may not, or the credentials were in the query.
    pub(crate) fn publisher_grant(&self, identity: &Identity) -> Result<Grant, ProblemResponse> {
        let grant = self.actor_grant(identity, "publish")?;
        identity.check_publishing()?;
        Ok(grant)
    }

    /// Checks that the page may do `what`.
    ///
    /// # Errors
    ///
    /// Its origin is not allowed.
    pub(super) fn check_acting(&self, what: &str) -> Result<(), ProblemResponse> {
        match self {
            Self::ForeignPage(Foreign { pages, advice }) => {
                let message = format!("{pages} may not {what} here. {advice}");
                Err(ProblemResponse::new(ErrorCode::Forbidden, message))
            }
            _ => Ok(()),
        }
    }

    /// Whether a cookie that comes with the request counts. Browsers send one whichever page asks, so the page has to be
    /// one of this server's own, or of an origin that is allowed by its name.
    pub(super) fn may_send_cookies(&self) -> bool {
        matches!(self, Self::OwnPage | Self::AllowedPage(Readers::Origin(_)))
    }

    /// What `identity` may do, to follow these, which is more than reading where it joins a channel.
    ///
    /// # Errors
    ///
    /// The page may not join.
    pub(crate) fn follower_grant(
        &self,
        identity: &Identity,
        subscriptions: &[Subscription],
        broker: &Broker,
    ) -> Result<Grant, ProblemResponse> {
        match subscriptions.iter().find_map(|subscription| subscription.joins(broker)) {
            Some(channel) => {
                self.actor_grant(identity, &format!("join {channel}, a channel with presence,"))
            }
            None => Ok(self.reader_grant(identity)),
        }
    }

    fn of_origin(
        value: &HeaderValue,
        headers: &HeaderMap,
        host: Option<&Host>,
        scheme: Scheme,
        allowed: &AllowedOrigins,
    ) -> Self {
        let text = value.to_str().unwrap_or_default();
        let origin = PageOrigin::parse(text);
        let is_own =
            |origin: &Origin| host.is_some_and(|host| origin.is_of_server_at(host, scheme));
        match (allowed.allow(&origin), &origin) {
            (Some(Allowed::Named), _) => Self::AllowedPage(Readers::Origin(value.clone())),
            (_, PageOrigin::Host(origin)) if is_own(origin) => Self::OwnPage,
            (Some(Allowed::AsAny), _) => Self::AllowedPage(Readers::All),
            (None, PageOrigin::Host(origin)) => {
                Self::ForeignPage(Foreign::of_origin(&origin.to_string(), host))
            }
            // A policy on referrers may hide the origin of a page of our own.
            (None, _) if text == "null" && site(headers) == Some("same-origin") => Self::OwnPage,
            (None, _) => Self::ForeignPage(Foreign::without_host(text)),
        }
    }

    /// Browsers leave the origin out of what pages cannot read: links, images, and same-origin reads.
    /// [Fetch metadata] distinguishes these.
    ///
    /// [Fetch metadata]: https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
    fn without_origin(headers: &HeaderMap, allowed: &AllowedOrigins) -> Self {
        match site(headers) {
            None => Self::Program,
            // `none` is a person's own doing: an address typed in, a bookmark.
            Some("same-origin" | "none") => Self::OwnPage,
            Some(_) if allowed.allow(&PageOrigin::Opaque).is_some() => {
                Self::AllowedPage(Readers::All)
            }
            // `same-site` is another origin too, with a name or a port of its own.
            Some(site) => Self::ForeignPage(Foreign {
                pages: format!("pages of other origins (Sec-Fetch-Site: {})", shortened(site)),
                advice: "The request has no Origin header, as links, frames and images have none. \
                         A page whose origin allowed_origins names may do it with fetch or \
                         EventSource, which send the header."
                    .to_owned(),
            }),
        }
    }
}

impl Foreign {
    fn of_origin(origin: &str, host: Option<&Host>) -> Self {
        let asked = host.map_or_else(
            || "the request names no host".to_owned(),
            |host| format!("the request's Host is {host}"),
        );
        Self {
            pages: format!("pages of {origin}"),
            advice: format!(
                "It is not this server's own origin, since {asked}, and allowed_origins does not \
                 name it. If it should be allowed, start the server with --allowed-origins \
                 {origin}. If a proxy serves that page and this server as one site, have it pass \
                 on the Host header (nginx: proxy_set_header Host $http_host)."
            ),
        }
    }

    fn without_host(origin: &str) -> Self {
        Self {
            pages: format!("pages whose origin is {}", shortened(origin)),
            advice: "The origin of such a page is unknown: it may be in a sandboxed frame, or \
                loaded from a disk. Serve it over HTTP, and add its origin to allowed_origins \
                     (--allowed-origins)."
                .to_owned(),
        }
    }
}

/// `Sec-Fetch-Site`, which no page's script can set. Said twice, it is nothing that is known.
fn site(headers: &HeaderMap) -> Option<&str> {
    let mut sites = headers.get_all("Sec-Fetch-Site");
    match (sites.next(), sites.next()) {
        (None, _) => None,
        (Some(site), None) => Some(site.to_str().unwrap_or_default()),
        (Some(_), Some(_)) => Some("more than one"),
    }
}

/// What a stranger sent, as far as an error should repeat it.
fn shortened(text: &str) -> String {
    text.chars().take(REPEATED_CHARS_MAX).collect()
}

const REPEATED_CHARS_MAX: usize = 100;

#[cfg(test)]
impl Caller {
    /// A page of some other origin.
    pub(super) fn foreign_for_tests() -> Self {
        let (pages, advice) = ("pages of http://evil.example".to_owned(), String::new());
        Self::ForeignPage(Foreign { pages, advice })
    }
}

#[cfg(test)]
mod tests;
