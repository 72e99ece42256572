//! Which server a command speaks to, with which token, and whether it says what it does.

use anyhow::{Context as _, Result, ensure};
use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};
use tidewire_client::{BuildError, Client, TokenError};
use url::Url;

/// Which server, and whether to report on it.
#[derive(Debug, clap::Args)]
pub(super) struct Server {
    /// The URL of the server: http, https, ws or wss; without a scheme it is http, and a port alone is on
    /// this machine.
    #[arg(long, env = "TIDEWIRE_URL", hide_env_values = true, default_value = DEFAULT_URL)]
    pub(super) url: ServerUrl,
    #[command(flatten)]
    token: TokenPlace,
    /// Print nothing on standard error except errors.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl Server {
    /// A client of it.
    ///
    /// # Errors
    ///
    /// There is no token in the file, or the token is none.
    pub(super) fn client(&self) -> Result<Client> {
        self.client_with(env::var(TOKEN).ok())
    }

    /// The same with a token of the environment.
    fn client_with(&self, token: Option<String>) -> Result<Client> {
        let mut builder = Client::builder(&self.url.0);
        if let Some(token) = self.token.read(token)? {
            builder = builder.token(token);
        }
        if let Some(path) = self.token.token_file.clone() {
            // Whatever renews the token writes it there.
            let read = move || read_token(&path).map_err(TokenError::unavailable);
            builder = builder.token_from(move || std::future::ready(read()));
        }
        Ok(builder.build()?)
    }
}

/// Where the token to send is.
#[derive(Debug, clap::Args)]
pub(super) struct TokenPlace {
    /// File with the token to send, read again when the token expires. Without it, the token is the value of the
    /// variable TIDEWIRE_TOKEN, if there is one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Only to say where a token belongs.
    #[arg(long, hide = true, value_name = "TOKEN")]
    token: Option<NotHere>,
}

impl TokenPlace {
    /// The token, if there is one.
    ///
    /// # Errors
    ///
    /// There is no token in the file.
    pub(super) fn find(&self) -> Result<Option<String>> {
        self.read(env::var(TOKEN).ok())
    }

    /// The same with a token of the environment.
    fn read(&self, of_environment: Option<String>) -> Result<Option<String>> {
        match &self.token_file {
            Some(path) => read_token(path).map(Some),
            None => Ok(of_environment
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty())),
        }
    }
}

/// The first line of a file, which is the token.
fn read_token(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read the token in {}", path.display()))?;
    let token = text.trim();
    let is_one = !token.is_empty() && !token.contains(char::is_whitespace);
    ensure!(is_one, "{} has to contain one token, and nothing else", path.display());
    Ok(token.to_owned())
}

/// A flag that is refused: what a command line has, other users of the machine can read.
#[derive(Clone, Debug)]
struct NotHere;

impl FromStr for NotHere {
    type Err = &'static str;

    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Err(
            "other users of this machine can read a token that is an argument: put it into the variable \
            TIDEWIRE_TOKEN, or into a file for --token-file",
        )
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

/// The variable with a token.
const TOKEN: &str = "TIDEWIRE_TOKEN";

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

    fn server(token_file: Option<PathBuf>) -> Server {
        let url = DEFAULT_URL.parse().unwrap();
        Server { url, token: TokenPlace { token_file, token: None }, quiet: false }
    }

    #[test]
    fn a_token_comes_from_the_environment_or_from_a_file_with_nothing_else() {
        server(None).client_with(Some(" eyJ\n".into())).unwrap();
        let error = server(None).client_with(Some("e\nyJ".into())).unwrap_err();
        assert_eq!(error.to_string(), "the token holds a character that cannot stand in a header");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let error = server(Some(path.clone())).client_with(None).unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot read the token in "), "{error:#}");
        for (text, is_token) in
            [("eyJ\n", true), ("", false), ("a\nb\n", false), ("Bearer a", false)]
        {
            fs::write(&path, text).unwrap();
            // The file goes before the variable.
            let client = server(Some(path.clone())).client_with(Some("e\nyJ".into()));
            assert_eq!(client.is_ok(), is_token, "{text:?}");
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
