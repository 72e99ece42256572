//! Temporary refusals: each says when the client is to retry, and is counted here.
//!
//! An `EventSource` gives up at any status but 200. So a request for an event stream is answered with a stream of one
//! event, which names the reason, and ends. Other clients get the status, the problem document and `Retry-After`.

use crate::{admission::Admission, metrics::Metrics, problem::ProblemResponse};
use actix_web::{
    Error, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
};
use std::{fmt, time::Duration};
use tidewire_connection::write_error_event;

/// Runs `service`, counts its refusals, and writes the temporary ones so that the client retries.
///
/// Meant to be the outermost of all that answers, so that no temporary refusal escapes it.
pub(crate) fn word<S, B>(
    request: ServiceRequest,
    service: &S,
    admission: &Admission,
    metrics: &Metrics,
    retry_ms: u64,
) -> impl Future<Output = Result<ServiceResponse<BoxBody>, Error>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let wants_events = request.method() == Method::GET
        && request.path().strip_suffix('/').unwrap_or(request.path()) == "/events";
    let (admission, metrics) = (admission.clone(), metrics.clone());
    let word = move |error: &Error| {
        let problem = error.as_error::<ProblemResponse>()?;
        metrics.count_refusal(problem.code);
        let problem = Some(problem).filter(|problem| problem.code.retryable())?.clone();
        admission.count_refusal();
        let retry_ms = problem.retry_ms.unwrap_or_else(|| spread(retry_ms));
        Some(Temporary { problem, retry_ms, wants_events })
    };
    let answer = service.call(request);
    async move {
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(error) => return Err(word(&error).map_or(error, Error::from)),
        };
        let Some(temporary) = answer.response().error().and_then(word) else {
            return Ok(answer.map_into_boxed_body());
        };
        let mut worded = HttpResponse::from_error(temporary);
        for (name, value) in answer.headers() {
            // What others have added, such as whether the asking page may read it.
            if !worded.headers().contains_key(name) && name != header::CONTENT_LENGTH {
                worded.headers_mut().append(name.clone(), value.clone());
            }
        }
        Ok(answer.into_response(worded))
    }
}

/// Says now and then how many were refused, as long as some are.
pub(crate) async fn report(admission: Admission) {
    let mut reported = 0;
    loop {
        tokio::time::sleep(REPORT_INTERVAL).await;
        let refused = admission.refused();
        if refused > reported {
            let (recently, connections) = (refused - reported, admission.connections());
            tracing::warn!(
                refused = recently,
                connections,
                "requests were refused with a \
                temporary error"
            );
        }
        reported = refused;
    }
}

/// A time about `retry_ms`, another for each client, so that they do not all come back at once.
pub(crate) fn spread(retry_ms: u64) -> u64 {
    retry_ms / 2 + fastrand::u64(0..=retry_ms)
}

/// The value of `Retry-After`, which has no parts of seconds.
pub(crate) fn retry_after_seconds(retry_ms: u64) -> HeaderValue {
    (retry_ms.saturating_add(500) / 1_000).max(1).into()
}

/// A refusal that knows when to come back.
#[derive(Debug)]
struct Temporary {
    problem: ProblemResponse,
    retry_ms: u64,
    wants_events: bool,
}

impl fmt::Display for Temporary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(formatter)
    }
}

impl ResponseError for Temporary {
    fn status_code(&self) -> StatusCode {
        match self.wants_events {
            true => StatusCode::OK,
            false => self.problem.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        if self.wants_events {
            let mut body = Vec::new();
            let ProblemResponse { code, detail, .. } = &self.problem;
            write_error_event(*code, detail, self.retry_ms, &mut body);
            return HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
                .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
                .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header(("X-Accel-Buffering", "no"))
                .force_close()
                .body(body);
        }
        let mut response = self.problem.error_response();
        // A time that is known is rounded up: before, it would be refused again.
        let retry_ms = match self.problem.retry_ms {
            Some(retry_ms) => retry_ms.saturating_add(499),
            None => self.retry_ms,
        };
        response.headers_mut().insert(header::RETRY_AFTER, retry_after_seconds(retry_ms));
        response
    }
}

const REPORT_INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, body::to_bytes, test, web};
    use tidewire_protocol::ErrorCode;

    /// The status, one header, and the body of what `path` is answered, where `code` is refused.
    async fn answer(method: Method, path: &str, code: ErrorCode) -> (u16, HttpResponse, String) {
        let admission = Admission::new(1);
        let counter = admission.clone();
        let refuse = move || async move {
            Err::<HttpResponse, ProblemResponse>(ProblemResponse::new(code, "not today"))
        };
        let app = App::new()
            .wrap_fn(|request, service| {
                let answer = service.call(request);
                async move {
                    let mut answer = answer.await?;
                    let value = header::HeaderValue::from_static("Origin");
                    answer.headers_mut().insert(header::VARY, value);
                    Ok(answer)
                }
            })
            .wrap_fn(move |request, service| {
                word(request, service, &admission, &Metrics::default(), 2_000)
            })
            .default_service(web::to(refuse));
        let app = test::init_service(app).await;
        let request = test::TestRequest::with_uri(path).method(method).to_request();
        let (head, body) = test::call_service(&app, request).await.into_parts().1.into_parts();
        assert_eq!(counter.refused(), u64::from(code.retryable()), "{path} {code}");
        assert_eq!(head.headers().get(header::VARY).unwrap(), "Origin", "{path} {code}");
        let body = to_bytes(body).await.unwrap();
        (head.status().as_u16(), head.map_into_boxed_body(), String::from_utf8_lossy(&body).into())
    }

    #[actix_web::test]
    async fn an_event_stream_is_never_refused_for_good_while_it_may_come_back() {
        for code in ErrorCode::ALL.into_iter().filter(|code| code.retryable()) {
            let (status, head, body) = answer(Method::GET, "/events?channel=a", code).await;
            assert_eq!(status, 200, "{code}");
            let content_type = head.headers().get(header::CONTENT_TYPE).unwrap();
            assert_eq!(content_type, "text/event-stream; charset=utf-8");
            assert_eq!(
                head.headers().get(header::CACHE_CONTROL).unwrap(),
                "no-store, no-transform"
            );
            assert_eq!(head.headers().get("X-Accel-Buffering").unwrap(), "no");
            let retry_ms: u64 = body.split(['\n', ' ']).nth(1).unwrap().parse().unwrap();
            assert!((1_000..=3_000).contains(&retry_ms), "{body}");
            let event = format!(
                "retry: {retry_ms}\nevent: $error\ndata: {{\"type\":\"error\",\"code\":\"{code}\",\
                 \"message\":\"not today\",\"retry_ms\":{retry_ms}}}\n\n"
            );
            assert_eq!(body, event);
        }
    }

    #[actix_web::test]
    async fn every_other_client_gets_a_header_that_says_when_to_retry() {
        let mut waits = std::collections::BTreeSet::new();
        for (method, path) in
            [(Method::GET, "/poll"), (Method::GET, "/stream"), (Method::POST, "/publish/a")]
        {
            for _ in 0..30 {
                let (status, head, body) =
                    answer(method.clone(), path, ErrorCode::Unavailable).await;
                assert_eq!((status, body.contains("not today")), (503, true), "{path}");
                let wait = head.headers().get(header::RETRY_AFTER).unwrap().to_str().unwrap();
                waits.insert(wait.to_owned());
            }
        }
        assert_eq!(waits.iter().collect::<Vec<_>>(), ["1", "2", "3"]);
        let (status, head, _) = answer(Method::POST, "/events", ErrorCode::Overloaded).await;
        assert!(status == 429 && head.headers().contains_key(header::RETRY_AFTER));
    }

    #[actix_web::test]
    async fn what_is_wrong_for_good_is_said_with_its_status() {
        let (status, head, _) = answer(Method::GET, "/events", ErrorCode::BadChannel).await;
        assert!(status == 400 && !head.headers().contains_key(header::RETRY_AFTER));
    }
}
