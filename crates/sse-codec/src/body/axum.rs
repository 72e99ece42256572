//! The body as what a handler of axum returns.

use super::{AsBlock, EventBody, HEADERS};
use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use core::error::Error;
use futures_core::Stream;

/// A handler returns the body as it is:
///
/// ```
/// # use axum_core::response::IntoResponse;
/// use sse_codec::body::EventBody;
///
/// async fn tokens() -> impl IntoResponse {
///     let tokens = ["Sea", " shells"].map(Ok::<_, std::io::Error>);
///     EventBody::new(futures_util::stream::iter(tokens))
/// }
/// ```
impl<S, B, E, K> IntoResponse for EventBody<S, K>
where
    S: Stream<Item = Result<B, E>> + Send + 'static,
    B: AsBlock + Send + 'static,
    E: Error + Send + Sync + 'static,
    K: Stream + Send + 'static,
{
    fn into_response(self) -> Response {
        (HEADERS, Body::new(self)).into_response()
    }
}
