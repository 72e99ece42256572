//! The client: its server, its token, its timeouts.
//!
//! The methods that begin a request are in the module of that request.

use crate::{
    hub::Hubs,
    token::{Source, Token, TokenError, Tokens},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header, redirect};
use serde::Serialize;
use std::{fmt, sync::Arc, time::Duration};

/// A server to publish to and subscribe at. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    base: Url,
    tokens: Tokens,
    hubs: Hubs,
    /// What presence shows of this client, as parameters of a query.
    member: Vec<(&'static str, String)>,
    request_timeout: Duration,
}

/// Everything about a client that has a default.
#[derive(Clone)]
pub struct ClientBuilder {
    base: String,
    token: Option<String>,
    token_source: Option<Source>,
    member: Vec<(&'static str, String)>,
    connect_timeout: Duration,
    request_timeout: Duration,
}

/// A client cannot be made like that. The caller's mistake.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Not where a server can be.
    #[error("`{0}` is not a server's address: expected one such as `http://127.0.0.1:8080`")]
    BadUrl(String),
    /// A token that cannot be sent.
    #[error("the token holds a character that cannot stand in a header")]
    BadToken,
    /// An `https` server, without the feature for it.
    #[cfg(not(feature = "rustls"))]
    #[error("`{0}` needs TLS: enable the feature `rustls` of tidewire-client")]
    NoTls(String),
    /// The platform has no certificates with which a server could be verified.
    #[cfg(feature = "rustls")]
    #[error("the platform's certificates cannot be read")]
    Tls(#[source] rustls::Error),
    /// The HTTP client does not start.
    #[error("the HTTP client does not start")]
    Http(#[source] reqwest::Error),
}

impl Client {
    /// A client of the server at `base`, such as `https://example.org` or `http://127.0.0.1:8080`.
    ///
    /// # Errors
    ///
    /// `base` is no `http`, `https`, `ws` or `wss` URL.
    pub fn new(base: &str) -> Result<Self, BuildError> {
        Self::builder(base).build()
    }

    /// The same, with other than the default timeouts, or a token.
    pub fn builder(base: &str) -> ClientBuilder {
        ClientBuilder {
            base: base.into(),
            token: None,
            token_source: None,
            member: Vec::new(),
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
        }
    }

    /// A request to a path below the base, each segment and value escaped.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut url = self.shared.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.shared.http.request(method, url)
    }

    /// Sends a request with the token in use, and once more with a fresh one if that is refused.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, SendError> {
        let tokens = &self.shared.tokens;
        let Some(held) = tokens.current().await? else { return Ok(request.send().await?) };
        let is_last = held.is_fresh || !tokens.can_renew();
        // A body that is a stream could not be sent twice; none of ours is.
        let again = if is_last { None } else { request.try_clone() };
        let response = request.header(header::AUTHORIZATION, held.token.header()).send().await?;
        match again {
            Some(again) if response.status() == StatusCode::UNAUTHORIZED => {
                match tokens.newer_than(&held.token).await? {
                    Some(token) => {
                        Ok(again.header(header::AUTHORIZATION, token.header()).send().await?)
                    }
                    None => Ok(response),
                }
            }
            _ => Ok(response),
        }
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    /// The connections of its subscriptions.
    pub(crate) fn hubs(&self) -> &Hubs {
        &self.shared.hubs
    }

    /// Parameters of a query which say what presence shows of this client.
    pub(crate) fn member(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.shared.member.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// How long a request may take that is answered at once.
    pub(crate) fn request_timeout(&self) -> Duration {
        self.shared.request_timeout
    }
}

/// A request that was not sent, or not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

impl ClientBuilder {
    /// A token for authentication, sent as `Authorization: Bearer` with every request.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// A function that gives a fresh token whenever one is needed: at the first request, before the token in use expires, and
    /// when the server refuses it. A connection is renewed in place, so a subscription goes on without interruption.
    ///
    /// ```
    /// use tidewire_client::{Client, TokenError};
    ///
    /// let builder = Client::builder("http://127.0.0.1:8080").token_from(async || {
    ///     std::env::var("TIDEWIRE_TOKEN").map_err(TokenError::unavailable)
    /// });
    /// ```
    #[must_use]
    pub fn token_from<F, A>(mut self, source: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        self.token_source = Some(Arc::new(move || Box::pin(source())));
        self
    }

    /// Who this client is, for the [presence](crate::LivePresence) of the channels that it subscribes to by name. If the
    /// server checks tokens, it goes by the token instead.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.member.push(("user", user.into()));
        self
    }

    /// What presence shows of it, as JSON of at most 1 KiB.
    ///
    /// # Errors
    ///
    /// The value does not serialise.
    pub fn info<T: Serialize + ?Sized>(mut self, info: &T) -> Result<Self, serde_json::Error> {
        self.member.push(("info", serde_json::to_string(info)?));
        Ok(self)
    }

    /// How long connecting may take; 10 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a publish may take; 30 s by default.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Makes the client. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The address is not a URL, or the token cannot stand in a header.
    pub fn build(self) -> Result<Client, BuildError> {
        // A WebSocket begins as a request, and publishes and pages are requests.
        let http = match self.base.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => format!("http://{rest}"),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => format!("https://{rest}"),
            _ => self.base.clone(),
        };
        let base = Url::parse(&http).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let base = base.ok_or(BuildError::BadUrl(self.base))?;
        #[cfg(not(feature = "rustls"))]
        if base.scheme() == "https" {
            return Err(BuildError::NoTls(base.into()));
        }
        let token = self.token.map(|token| Token::new(&token).ok_or(BuildError::BadToken));
        let tokens = Tokens::new(token.transpose()?, self.token_source, self.request_timeout);
        let builder = reqwest::Client::builder()
            .user_agent(concat!("tidewire-client/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .redirect(redirect::Policy::custom(stay))
            .tcp_nodelay(true);
        #[cfg(feature = "rustls")]
        let builder = {
            let config = crate::tls::config(base.scheme() == "https").map_err(BuildError::Tls)?;
            builder.tls_backend_preconfigured(config)
        };
        let http = builder.build().map_err(BuildError::Http)?;
        Ok(Client {
            shared: Arc::new(Shared {
                http,
                base,
                tokens,
                hubs: Hubs::default(),
                member: self.member,
                request_timeout: self.request_timeout,
            }),
        })
    }
}

/// Follows a redirect to the same server only. A WebSocket that was accepted elsewhere would be sent tokens.
fn stay(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let first = attempt.previous().first().map(Url::origin);
    match attempt.previous().len() <= REDIRECTS_MAX && first == Some(attempt.url().origin()) {
        true => attempt.follow(),
        false => attempt.stop(),
    }
}

/// Without the token.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientBuilder").field("base", &self.base).finish_non_exhaustive()
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const REDIRECTS_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused() {
        for base in ["", "localhost", "localhost:8080", "ftp://a", "http://"] {
            let error = Client::new(base).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "`{base}` is not a server's address: expected one such as `http://127.0.0.1:8080`"
                )
            );
        }
        assert!(matches!(
            Client::builder("http://a").token("a\nb").build(),
            Err(BuildError::BadToken)
        ));
    }

    #[test]
    fn paths_are_escaped_below_the_base() {
        for (base, url) in [
            ("http://a:1", "http://a:1/publish/a%20b%2Fc"),
            ("http://a:1/", "http://a:1/publish/a%20b%2Fc"),
            ("http://a:1/tide/", "http://a:1/tide/publish/a%20b%2Fc"),
            ("http://a:1/tide", "http://a:1/tide/publish/a%20b%2Fc"),
            ("ws://a:1", "http://a:1/publish/a%20b%2Fc"),
            #[cfg(feature = "rustls")]
            ("WSS://a", "https://a/publish/a%20b%2Fc"),
        ] {
            let client = Client::new(base).unwrap();
            let request = client.request(Method::POST, &["publish", "a b/c"], &[]).build().unwrap();
            assert_eq!(request.url().as_str(), url);
        }
    }
}
