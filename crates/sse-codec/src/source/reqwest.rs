//! Requests by `reqwest`, and waits by tokio, whose runtime `reqwest` needs in any case.

extern crate std;

use super::{EventSource, Response, Transport};
use alloc::{
    boxed::Box,
    string::{String, ToString as _},
};
use core::{error::Error as _, fmt, future::Future, pin::Pin, time::Duration};
use futures_core::Stream;
use reqwest::{RequestBuilder, header};

/// Makes each request of an event source by a function, so that it can send a fresh token.
///
/// # Example
///
/// ```no_run
/// use futures_util::TryStreamExt;
/// use sse_codec::source::EventSource;
///
/// # async fn follow() -> Result<(), Box<dyn std::error::Error>> {
/// let client = reqwest::Client::new();
/// let mut events = EventSource::reqwest(move || client.get("http://127.0.0.1:8080/events?channel=chat"));
/// while let Some(event) = events.try_next().await? {
///     println!("{}: {}", event.name(), event.data());
/// }
/// # Ok(())
/// # }
/// ```
pub struct ReqwestTransport<F>(F);

impl<F: FnMut() -> RequestBuilder> ReqwestTransport<F> {
    /// A transport whose requests are made by that function.
    pub const fn new(request: F) -> Self {
        Self(request)
    }
}

impl EventSource<ReqwestTransport<fn() -> RequestBuilder>> {
    /// A source of the events of that URL, with a client of its own. It needs a tokio runtime.
    ///
    /// For `https` it needs TLS in `reqwest`: a dependency on `reqwest` with its default features, or with
    /// `rustls`. Without, the source ends with an error.
    ///
    /// # Panics
    ///
    /// As `reqwest::Client::new` does, if TLS cannot be set up.
    pub fn get(
        url: impl Into<String>,
    ) -> EventSource<ReqwestTransport<impl FnMut() -> RequestBuilder>> {
        let (client, url) = (reqwest::Client::new(), url.into());
        EventSource::reqwest(move || client.get(&url))
    }
}

impl<F: FnMut() -> RequestBuilder> EventSource<ReqwestTransport<F>> {
    /// A source whose requests are made by that function, each time again. It needs a tokio runtime.
    ///
    /// Give the client no timeout for whole requests, as an event stream has no end; one for
    /// connecting or for reading is sound. Headers for event streams are added.
    pub fn reqwest(request: F) -> Self {
        Self::new(ReqwestTransport::new(request))
    }
}

impl<F: FnMut() -> RequestBuilder> Transport for ReqwestTransport<F> {
    type Error = reqwest::Error;
    type Bytes = bytes::Bytes;
    type Body = Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>;
    type Connect = Pin<Box<dyn Future<Output = reqwest::Result<Response<Self::Body>>> + Send>>;
    type Sleep = Pin<Box<tokio::time::Sleep>>;

    fn connect(&mut self, last_event_id: Option<&str>) -> Self::Connect {
        // They take the place of what the caller has set: a list of types would be another request.
        let mut headers = header::HeaderMap::new();
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        // A header holds no control characters. With such an id the stream begins at its start.
        let id = last_event_id.map(|id| header::HeaderValue::from_bytes(id.as_bytes()));
        if let Some(Ok(id)) = id {
            headers.insert("last-event-id", id);
        }
        let request = (self.0)().headers(headers);
        Box::pin(async move {
            let response = request.send().await?;
            let text = |name| {
                let value = response.headers().get(name)?;
                value.to_str().ok().map(String::from)
            };
            let (status, content_type) = (response.status(), text(header::CONTENT_TYPE));
            // Only the form in seconds: the other one is a date, and clocks differ.
            let seconds = text(header::RETRY_AFTER).and_then(|value| value.trim().parse().ok());
            let body: Self::Body = Box::pin(response.bytes_stream());
            let mut response = Response::new(status.as_u16(), content_type, body);
            response.retry_after = seconds.map(Duration::from_secs);
            Ok(response)
        })
    }

    fn sleep(&mut self, delay: Duration) -> Self::Sleep {
        Box::pin(tokio::time::sleep(delay))
    }

    fn random(&mut self) -> f64 {
        fastrand::f64()
    }

    /// A request that cannot be built, or whose URL has a scheme that `reqwest` was built without: `https`
    /// needs one of its features for TLS.
    fn is_final(&self, error: &reqwest::Error) -> bool {
        if error.is_builder() {
            return true;
        }
        let mut cause = error.source();
        while let Some(error) = cause {
            // The type of this one is private. If its words change, the source tries for ever, as before.
            if error.to_string() == SCHEME_UNSUPPORTED {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl<F> fmt::Debug for ReqwestTransport<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ReqwestTransport")
    }
}

/// What the connector of `hyper-util` says where it has no TLS.
const SCHEME_UNSUPPORTED: &str = "invalid URL, scheme is not http";
