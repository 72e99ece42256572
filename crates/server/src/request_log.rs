//! What each request gets: an id, by which its sender and the log speak of the same one, and on request a line in the log.
//!
//! The line has no payload and nothing by which a client shows who it is: of the query only values that select messages are
//! in it, and a path that has a secret is shown as its pattern.

use crate::{access, worker_context::WorkerContext};
use actix_web::{
    Error, HttpRequest,
    body::{BodySize, BoxBody, MessageBody as _},
    dev::{Service, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
};
use std::{borrow::Cow, fmt::Write as _, rc::Rc};

/// Runs `service`, gives the answer an id, and logs the request if that is configured.
///
/// Meant to be around everything that answers.
pub(crate) fn note<S>(
    request: ServiceRequest,
    service: &S,
    context: &Rc<WorkerContext>,
) -> impl Future<Output = Result<ServiceResponse, Error>> + use<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let id = RequestId::of(request.headers());
    let line = context.logs_access().then(|| (Line::begin(&request), context.clock));
    let begun = context.clock.now().steady_ms;
    let answer = service.call(request);
    async move {
        let mut answer = answer.await?;
        answer.headers_mut().insert(REQUEST_ID, id.0.clone());
        if let Some((line, clock)) = line {
            line.write(&id, &answer, clock.now().steady_ms.saturating_sub(begun));
        }
        Ok(if is_problem(answer.headers()) { name_in_problem(answer, &id) } else { answer })
    }
}

/// The id of a request: as its sender has it, or made here.
#[derive(Clone, Debug)]
struct RequestId(HeaderValue);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).filter(|given| is_well_formed(given.as_bytes()));
        Self(given.cloned().unwrap_or_else(|| {
            let made = format!("{:016x}", fastrand::u64(..));
            HeaderValue::try_from(made).unwrap_or(HeaderValue::from_static("-"))
        }))
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Whether an id that somebody gave may be repeated: what a log and JSON take as it is.
fn is_well_formed(id: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.iter().all(is_plain)
}

/// What is known of a request before it is answered.
#[derive(Debug)]
struct Line {
    method: String,
    query: String,
    agent: Option<String>,
}

impl Line {
    fn begin(request: &ServiceRequest) -> Self {
        let agent = request.headers().get(header::USER_AGENT);
        let agent = agent.map(|agent| shortened(&String::from_utf8_lossy(agent.as_bytes())));
        let query = shown_query(request.query_string());
        Self { method: request.method().to_string(), query, agent }
    }

    fn write(self, id: &RequestId, answer: &ServiceResponse, took_ms: u64) {
        let Self { method, query, agent } = self;
        let request = answer.request();
        let address = access::client_address(request).map(|client| client.ip().to_string());
        let user = access::subject(request);
        let bytes = match answer.response().body().size() {
            BodySize::Sized(bytes) => Some(bytes),
            BodySize::None => Some(0),
            // A stream; its end is a line of its own.
            BodySize::Stream => None,
        };
        tracing::info!(
            target: "tidewire::access",
            request_id = id.as_str(),
            address,
            user = user.as_deref(),
            method,
            path = &*shown_path(request),
            query = Some(query).filter(|query| !query.is_empty()),
            version = ?request.version(),
            status = answer.status().as_u16(),
            bytes,
            took_ms,
            agent,
            "request"
        );
    }
}

/// The path, or the pattern of one that has a secret: the name by which a connection is renewed.
fn shown_path(request: &HttpRequest) -> Cow<'_, str> {
    match request.path() {
        path if path.starts_with("/connections/") => {
            request.match_pattern().map_or("/connections/-".into(), Cow::from)
        }
        path => shortened(path).into(),
    }
}

/// The query with the values of the parameters that select messages. Of each other one only the name is shown, if it is one
/// of ours; what else there is may be anything.
fn shown_query(query: &str) -> String {
    let mut shown = String::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let separator = if shown.is_empty() { "" } else { "&" };
        let written = if SHOWN.contains(&&*name) {
            write!(shown, "{separator}{name}={}", shortened(&value))
        } else if NAMED.contains(&&*name) {
            write!(shown, "{separator}{name}=-")
        } else {
            write!(shown, "{separator}-")
        };
        // A text takes everything.
        let _ = written;
        if shown.len() > TEXT_BYTES_MAX {
            shown.push('…');
            break;
        }
    }
    shown
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_BYTES_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether an answer is a problem document, in which its id is named.
pub(crate) fn is_problem(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"))
}

/// The same answer, with the id in its problem document.
fn name_in_problem(answer: ServiceResponse, id: &RequestId) -> ServiceResponse {
    answer.map_body(|_, body| match body.try_into_bytes() {
        Ok(json) => {
            let Some(members) = json.strip_suffix(b"}") else { return BoxBody::new(json) };
            // It is well-formed, so it needs no escapes.
            let id = format!(",\"request_id\":\"{}\"}}", id.as_str());
            BoxBody::new([members, id.as_bytes()].concat())
        }
        Err(body) => body,
    })
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer than any that is made to be unique.
const ID_BYTES_MAX: usize = 128;

/// Characters of a text that a client chooses.
const TEXT_BYTES_MAX: usize = 300;

/// The parameters whose values are shown.
const SHOWN: [&str; 10] = [
    "channel",
    "since",
    "before",
    "until",
    "limit",
    "lastEventId",
    "Last-Event-ID",
    "format",
    "heartbeat",
    "wait",
];

/// Those that only are named.
const NAMED: [&str; 4] = ["token", "ticket", "user", "info"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_query_only_what_selects_messages_is_shown() {
        for (query, shown) in [
            ("channel=a&since=k3-7&limit=5", "channel=a&since=k3-7&limit=5"),
            ("channel=a&token=eyJ.secret", "channel=a&token=-"),
            ("ticket=secret&user=me&info=%7B%7D", "ticket=-&user=-&info=-"),
            ("%74oken=secret&TOKEN=secret&tokn=secret&secret", "token=-&-&-&-"),
            ("channel=a%26b", "channel=a&b"),
            ("", ""),
        ] {
            assert_eq!(shown_query(query), shown, "{query}");
        }
    }

    #[test]
    fn an_id_is_taken_if_it_can_be_repeated_and_made_if_not() {
        let id = |given: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(given));
            RequestId::of(&headers).as_str().to_owned()
        };
        for given in ["7b8e0c52-1f0e-4f6b-9b1e-0d1f2a3b4c5d", "Root=1-67891233-abc", "a"] {
            assert_eq!(id(given), given);
        }
        for given in ["", "a b", "a\"b", "{}"] {
            assert_eq!(id(given).len(), 16, "{given}");
        }
        assert_eq!(RequestId::of(&HeaderMap::new()).as_str().len(), 16);
        assert!(!is_well_formed(&[b'a'; 129]));
    }
}
