//! What is answered before any route is asked: to a body that is not wanted, and to what is no request.

use super::publish::check_length;
use crate::{
    metrics::Metrics,
    query::body::BODY_BYTES_MAX,
    takeover::{EarlyAnswers, RefusalBody},
};
use actix_http::{HttpMessage as _, Request, Response, body::BoxBody};
use actix_web::ResponseError as _;
use percent_encoding::percent_decode_str;
use tidewire_broker::{Broker, ChannelName};
use tidewire_protocol::{ErrorCode, Problem};

#[derive(Clone, Debug)]
pub(crate) struct Early {
    pub(crate) broker: Broker,
    /// The largest body of a batch, in bytes.
    pub(crate) batch_bytes_max: usize,
    pub(crate) metrics: Metrics,
}

impl Early {
    /// The most that the body of a request to `path` may have, if it may have one.
    fn bytes_max(&self, path: &str) -> Option<usize> {
        let path = path.trim_end_matches('/');
        if path == "/publish" {
            return Some(self.batch_bytes_max);
        }
        if matches!(path, "/events" | "/stream" | "/poll") {
            return Some(BODY_BYTES_MAX);
        }
        let channel = percent_decode_str(path.strip_prefix("/publish/")?).decode_utf8().ok()?;
        let channel: ChannelName = channel.parse().ok()?;
        Some(self.broker.options(&channel).message_bytes_max)
    }
}

impl EarlyAnswers for Early {
    fn expect(&self, request: &Request) -> Result<(), Response<BoxBody>> {
        // Whatever else may be wrong is for the route to say.
        let Some(bytes_max) = self.bytes_max(request.path()) else { return Ok(()) };
        check_length(request.headers(), bytes_max)
            .map(drop)
            .inspect_err(|refused| self.metrics.count_refusal(refused.code))
            .map_err(|refused| refused.error_response().into())
    }

    fn refusal(&self, status: u16) -> RefusalBody {
        let (code, detail) = match status {
            400 => (ErrorCode::BadRequest, UNREADABLE),
            408 => (ErrorCode::Timeout, SLOW),
            503 => (ErrorCode::Unavailable, FULL),
            431 => (ErrorCode::HeadTooLarge, LARGE),
            _ => (ErrorCode::Internal, "the server failed to read the request"),
        };
        self.metrics.count_refusal(code);
        let problem = Problem::new(code, detail);
        // A struct of strings and numbers always becomes JSON.
        let body = serde_json::to_string(&problem).unwrap_or_default();
        let header_lines =
            if code.retryable() && status == 503 { RETRY_LINES } else { HEADER_LINES };
        RefusalBody { header_lines, body }
    }
}

const UNREADABLE: &str = "this is not a valid HTTP/1.1 request: a request begins with a line \
    such as GET /events HTTP/1.1, has one Host and at most one Content-Length, and writes > in its \
    URL as %3E and a space as %20";
const SLOW: &str = "the head of the request took too long to arrive";
const LARGE: &str = "the head of the request is too large; it may have 96 header lines and 128 KiB";

const FULL: &str = "all clients together use all of input_bytes_max for unfinished input, and \
    this client uses the most; try again in a moment";

const RETRY_LINES: &str = "content-type: application/problem+json\r\n\
                           cache-control: no-store\r\n\
                           x-content-type-options: nosniff\r\n\
                           retry-after: 2\r\n";

const HEADER_LINES: &str = "content-type: application/problem+json\r\n\
                            cache-control: no-store\r\n\
                            x-content-type-options: nosniff\r\n";
