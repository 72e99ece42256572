//! Where a client has its tokens from: one for good, or a function that gives a fresh one whenever it is asked.

use reqwest::header::HeaderValue;
use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Mutex, time::timeout};

/// There is no token to send.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// This client gets no token any more, as after a logout. A subscription ends with it.
    #[error("there is no token for this client: {0}")]
    Refused(String),
    /// None can be had for now. A subscription tries again later.
    #[error("there is no token for now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl TokenError {
    /// None for now, for that reason.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }
}

/// Gives a fresh token.
pub(crate) type Source = Arc<dyn Fn() -> Asked + Send + Sync>;
type Asked = Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>>;

/// The token in use, and where the next one comes from.
pub(crate) struct Tokens {
    /// Without one, the token in use is for good.
    source: Option<Source>,
    /// Locked while the source is asked, so that many requests ask it once.
    current: Mutex<Option<Token>>,
    /// The server has said that the token in use is of no more use.
    is_stale: AtomicBool,
    /// How long the source may take.
    patience: Duration,
}

/// A token as a header has it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    header: HeaderValue,
    text: Arc<str>,
}

/// A token for a request.
pub(crate) struct Held {
    pub(crate) token: Token,
    /// Whether it was fetched for this request, so that another one would be no better.
    pub(crate) is_fresh: bool,
}

impl Tokens {
    pub(crate) fn new(current: Option<Token>, source: Option<Source>, patience: Duration) -> Self {
        Self { source, current: Mutex::new(current), is_stale: AtomicBool::new(false), patience }
    }

    /// Whether another token can be had than the one in use.
    pub(crate) const fn can_renew(&self) -> bool {
        self.source.is_some()
    }

    /// The next request needs another token than the last.
    pub(crate) fn forget(&self) {
        self.is_stale.store(true, Ordering::Release);
    }

    /// The token for the next request, if this client has any.
    pub(crate) async fn current(&self) -> Result<Option<Held>, TokenError> {
        let mut current = self.current.lock().await;
        let Some(source) = &self.source else {
            return Ok(current.clone().map(|token| Held { token, is_fresh: false }));
        };
        if let Some(token) = &*current
            && !self.is_stale.load(Ordering::Acquire)
        {
            return Ok(Some(Held { token: token.clone(), is_fresh: false }));
        }
        let token = self.ask(source).await?;
        *current = Some(token.clone());
        self.is_stale.store(false, Ordering::Release);
        Ok(Some(Held { token, is_fresh: true }))
    }

    /// Another token than `old`, or `None` if the source still has the same.
    pub(crate) async fn newer_than(&self, old: &Token) -> Result<Option<Token>, TokenError> {
        let mut current = self.current.lock().await;
        let Some(source) = &self.source else { return Ok(None) };
        // Another request has fetched one meanwhile.
        let known = current.clone().filter(|token| token != old);
        let token = match known {
            Some(token) => token,
            None => self.ask(source).await?,
        };
        *current = Some(token.clone());
        self.is_stale.store(false, Ordering::Release);
        Ok(Some(token).filter(|token| token != old))
    }

    async fn ask(&self, source: &Source) -> Result<Token, TokenError> {
        let late = |_| TokenError::unavailable("the function that gives tokens takes too long");
        let text = timeout(self.patience, source()).await.map_err(late)??;
        Token::new(&text).ok_or_else(|| TokenError::Refused(BAD_TOKEN.into()))
    }
}

impl Token {
    /// A token, unless it has characters that cannot stand in a header.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut header = HeaderValue::try_from(format!("Bearer {text}")).ok()?;
        header.set_sensitive(true);
        Some(Self { header, text: text.into() })
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokens")
            .field("can_renew", &self.can_renew())
            .finish_non_exhaustive()
    }
}

const BAD_TOKEN: &str = "it holds a character that cannot stand in a header";
