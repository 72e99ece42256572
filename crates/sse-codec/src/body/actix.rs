//! The body as what a handler of actix-web returns.

extern crate std;

use super::{AsBlock, EventBody, HEADERS};
use actix_web::body::BoxBody;
use actix_web::{HttpRequest, HttpResponse, Responder};
use core::error::Error;
use futures_core::Stream;

/// A handler returns the body as it is:
///
/// ```
/// # use actix_web::Responder;
/// use sse_codec::body::EventBody;
///
/// async fn tokens() -> impl Responder {
///     let tokens = ["Sea", " shells"].map(Ok::<_, std::io::Error>);
///     EventBody::new(futures_util::stream::iter(tokens))
/// }
/// ```
impl<S, B, E, K> Responder for EventBody<S, K>
where
    S: Stream<Item = Result<B, E>> + 'static,
    B: AsBlock + 'static,
    E: Error + 'static,
    K: Stream + 'static,
{
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        for header in HEADERS {
            response.insert_header(header);
        }
        response.streaming(self)
    }
}
