//! Which server a command speaks to, and whether it says what it does.

use std::{fmt, str::FromStr};
use tidewire_client::{BuildError, Client};
use url::Url;

/// Which server, and whether to report on it.
#[derive(Debug, clap::Args)]
pub(super) struct Server {
    /// The URL of the server: http, https, ws or wss; without a scheme it is http, and a port alone is on
    /// this machine.
    #[arg(long, env = "TIDEWIRE_URL", hide_env_values = true, default_value = DEFAULT_URL)]
    pub(super) url: ServerUrl,
    /// Print nothing on standard error except errors.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl Server {
    /// A client of it.
    pub(super) fn client(&self) -> Result<Client, BuildError> {
        Client::new(&self.url.0)
    }
}

/// Where a server is, as the client takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerUrl(String);

impl ServerUrl {
    /// With user and password, if they were given.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a server listens by default.
impl Default for ServerUrl {
    fn default() -> Self {
        Self(DEFAULT_URL.to_owned())
    }
}

impl FromStr for ServerUrl {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        let text = text.trim();
        let is_port = |text: &str| text.parse::<u16>().is_ok() && !text.starts_with('+');
        let url = match text.split_once("://") {
            // A WebSocket begins as a request, and publishes and pages are requests.
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => format!("http://{rest}"),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => format!("https://{rest}"),
            Some(_) => text.to_owned(),
            None if is_port(text.strip_prefix(':').unwrap_or(text)) => {
                format!("http://127.0.0.1:{}", text.trim_start_matches(':'))
            }
            None => format!("http://{text}"),
        };
        let parsed = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        match parsed {
            Some(_) => Ok(Self(url)),
            None => Err(BuildError::BadUrl(text.to_owned())),
        }
    }
}

/// Without user and password.
impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        write!(formatter, "{scheme}://{host}{}", path.trim_end_matches('/'))
    }
}

/// Where a server listens by default.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_as_people_name_it() {
        for (text, url) in [
            ("http://example.org", "http://example.org"),
            ("https://example.org/tide/", "https://example.org/tide/"),
            ("ws://example.org:81", "http://example.org:81"),
            ("WSS://example.org", "https://example.org"),
            ("localhost:8080", "http://localhost:8080"),
            ("example.org", "http://example.org"),
            ("example.org/tide", "http://example.org/tide"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("8080", "http://127.0.0.1:8080"),
            (":8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().0, url, "{text}");
        }
    }

    #[test]
    fn what_names_no_server_is_refused_with_what_would() {
        for text in ["", "ftp://a", "http://", "a b", "://a", "ws://", "a:b:c"] {
            let error = text.parse::<ServerUrl>().unwrap_err().to_string();
            let expected =
                format!("`{text}` is not a server's address: expected one such as `http");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for (text, shown) in [
            ("https://me:secret@example.org/a/", "https://example.org/a"),
            ("me@example.org:81", "http://example.org:81"),
            ("http://example.org/a@b", "http://example.org/a@b"),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().to_string(), shown);
        }
    }
}
