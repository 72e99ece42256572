//! The query of a request: only names that its route knows, and what they mean on all wires.

pub(crate) mod body;

use crate::{
    access::{TICKET, TOKEN},
    problem::ProblemResponse,
};
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::{Payload, ServiceRequest},
};
use std::{
    future::{Ready, ready},
    time::Duration,
};
use tidewire_connection::{
    Format, Heartbeat, Identity, Limits, RequestedStart, Subscription, parse_page_limit,
};
use tidewire_protocol::{self as protocol, ErrorCode, ParameterError, Since, parse_duration};

/// The parameters that a route takes. Its place in the table of routes names them.
pub(crate) type Parameters = &'static [&'static str];

/// A request's query: each name is one that its route takes, each value is text.
///
/// The table of routes makes it, before any handler runs; a handler asks for it as an argument.
#[derive(Debug)]
pub(crate) struct Query(protocol::Parameters);

impl Query {
    /// Reads the query of a request, and keeps it for the handler.
    ///
    /// # Errors
    ///
    /// A name is not one of `known`, or something is not UTF-8.
    pub(crate) fn keep(request: &ServiceRequest, known: Parameters) -> Result<(), ProblemResponse> {
        let query = Self::parse(request.query_string(), known)?;
        request.extensions_mut().insert(query);
        Ok(())
    }

    fn parse(text: &str, known: Parameters) -> Result<Self, ProblemResponse> {
        protocol::Parameters::of_query(text, known, &OF_URL).map(Self).map_err(refused)
    }

    /// Adds what a body says, which is JSON; a member goes before a parameter of the query.
    ///
    /// # Errors
    ///
    /// It is not one JSON object, or a member is not as it has to be.
    pub(crate) fn add_body(&mut self, body: &[u8]) -> Result<(), ProblemResponse> {
        self.0.add_body(body).map_err(refused)
    }

    /// The value of a parameter, the last if there are several.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).last()
    }

    /// What to follow, and from where: from the header's `Last-Event-ID`, or else the query's, or else
    /// `since`.
    ///
    /// Without any channel it is the lobby, unless the wire can subscribe later on.
    pub(crate) fn subscriptions(
        &self,
        last_event_id: Option<&str>,
        needs_channel: bool,
        limits: &Limits,
    ) -> Result<Vec<Subscription>, ProblemResponse> {
        let (count, count_max) = (self.all("channel").count(), limits.subscriptions_max);
        if count > count_max {
            let message = format!(
                "{count} channels were given; a connection has at most {count_max} \
                    subscriptions"
            );
            return Err(ProblemResponse::new(ErrorCode::TooManySubscriptions, message));
        }
        // An EventSource repeats the URL with which it once began, so that its own word is newer than
        // `since`. Polyfills, which may not set headers everywhere, put that word into the query.
        let last_event_id = last_event_id.filter(|id| !id.is_empty()).or_else(|| {
            let is_id = |(name, id): &(&str, &str)| LAST_EVENT_ID.contains(name) && !id.is_empty();
            self.0.pairs().rev().find(is_id).map(|(_, id)| id)
        });
        let start = match (last_event_id, self.one("since")) {
            (Some(id), _) => RequestedStart::from_last_event_id(id),
            (None, Some(since)) => RequestedStart::Since(since.parse::<Since>()?),
            (None, None) => RequestedStart::NOW,
        };
        let lobby = (count == 0 && needs_channel).then_some(LOBBY);
        self.all("channel")
            .chain(lobby)
            .map(|name| Ok(Subscription { pattern: name.parse()?, start: start.clone() }))
            .collect()
    }

    /// How messages are to look.
    pub(crate) fn format(&self, otherwise: Format) -> Result<Format, ProblemResponse> {
        match self.one("format") {
            None => Ok(otherwise),
            Some("raw") => Ok(Format::Raw),
            Some("json") => Ok(Format::Json),
            Some(other) => {
                let message = format!("format={other} is not supported; use raw or json");
                Err(ProblemResponse::new(ErrorCode::BadRequest, message))
            }
        }
    }

    /// What is to say, on an event stream, that the connection is there.
    pub(crate) fn heartbeat(&self) -> Result<Heartbeat, ProblemResponse> {
        match self.one("heartbeat") {
            None => Ok(Heartbeat::Block),
            Some("event") => Ok(Heartbeat::Event),
            Some(other) => {
                let message = format!(
                    "heartbeat={other} is not supported; use event, or leave it out for a block \
                    with only an id"
                );
                Err(ProblemResponse::new(ErrorCode::BadRequest, message))
            }
        }
    }

    /// Who the client says it is, for channels with presence.
    pub(crate) fn identity(&self) -> Result<Identity, ProblemResponse> {
        Ok(Identity::new(self.one("user"), self.one("info"))?)
    }

    /// How long a long-poll may wait, in milliseconds; at most `wait_max`, whatever is asked.
    pub(crate) fn wait_ms(&self, wait_max: Duration) -> Result<u64, ProblemResponse> {
        let wait = match self.one("wait") {
            None => POLL_WAIT,
            Some("0") => Duration::ZERO,
            Some(text) => parse_duration(text).map_err(|error| {
                ProblemResponse::new(ErrorCode::BadRequest, format!("wait={text}: {error}"))
            })?,
        };
        Ok(u64::try_from(wait.min(wait_max).as_millis()).unwrap_or(u64::MAX))
    }

    /// How many are wanted.
    pub(crate) fn limit(&self) -> Result<Option<usize>, ProblemResponse> {
        Ok(self.one("limit").map(parse_page_limit).transpose()?)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        debug_assert!(self.0.known().contains(&name), "{name} is not in the route's list");
        self.0.all(name)
    }
}

impl FromRequest for Query {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Absent only where a handler has two of them.
        let query = request.extensions_mut().remove::<Self>();
        ready(
            query
                .ok_or_else(|| ProblemResponse::new(ErrorCode::Internal, "the query was not read")),
        )
    }
}

fn refused(error: ParameterError) -> ProblemResponse {
    ProblemResponse::new(error.code, error.message)
}

/// What says who asks: `authorise` has read it. It is kept nowhere else.
const OF_URL: [&str; 2] = [TICKET, TOKEN];

/// The channel of clients that name none.
pub(crate) const LOBBY: &str = "lobby";

/// How polyfills of EventSource spell the header in a query: the first by
/// `event-source-polyfill`, the second by others.
pub(crate) const LAST_EVENT_ID: [&str; 2] = ["lastEventId", "Last-Event-ID"];

/// Below the idle time-outs of common proxies.
const POLL_WAIT: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Parameters = &[
        "channel",
        "since",
        "format",
        "wait",
        "limit",
        "info",
        "user",
        "lastEventId",
        "Last-Event-ID",
    ];

    fn parse(query: &str) -> Result<Query, ProblemResponse> {
        Query::parse(query, KNOWN)
    }

    fn detail_of(query: &str, known: Parameters) -> String {
        Query::parse(query, known).unwrap_err().to_string()
    }

    #[test]
    fn a_name_that_the_route_does_not_take_is_refused_with_what_was_meant() {
        let detail = detail_of("channel=a&chanel=b", KNOWN);
        assert!(
            detail.contains("unknown query parameter chanel, did you mean channel?"),
            "{detail}"
        );
        assert!(detail.contains("this path takes channel, since, format, wait, limit, info, user"));
        assert!(detail_of("q", KNOWN).starts_with("unknown query parameter q; this path takes"));
        assert!(detail_of("x=1", &[]).ends_with("this path takes no parameters"));
        assert!(detail_of(&"x".repeat(100_000), KNOWN).len() < 300);
    }

    #[test]
    fn a_parameter_against_caches_is_ignored_everywhere() {
        assert!(parse("_=1763790000123&channel=a").is_ok());
        assert!(Query::parse("_=1", &[]).is_ok());
    }

    #[test]
    fn what_is_not_utf8_is_refused_and_never_replaced() {
        for query in ["channel=%FE", "channel=%ff", "%FE=a", "channel=a%C3"] {
            assert!(detail_of(query, KNOWN).contains("is not UTF-8"), "{query}");
        }
        let query = parse("channel=gr%C3%BC%2B+%zz&since").unwrap();
        assert_eq!(query.one("channel"), Some("gr\u{fc}+ %zz"));
        assert_eq!(query.one("since"), Some(""));
    }

    fn subscriptions(query: &str, last_event_id: Option<&str>) -> Result<Vec<String>, ErrorCode> {
        parse(query)
            .and_then(|query| query.subscriptions(last_event_id, true, &Limits::default()))
            .map(|all| all.iter().map(|one| format!("{} {:?}", one.pattern, one.start)).collect())
            .map_err(|refused| refused.code)
    }

    #[test]
    fn nothing_asked_for_is_the_lobby_from_now_on() {
        assert_eq!(subscriptions("", None).unwrap(), ["lobby Since(Now)"]);
    }

    #[test]
    fn channels_and_patterns_come_as_often_as_they_are_given() {
        let all = subscriptions("channel=a&channel=b.*&since=earliest", None).unwrap();
        assert_eq!(all, ["a Since(Earliest)", "b.* Since(Earliest)"]);
    }

    #[test]
    fn the_browsers_last_event_id_goes_before_the_urls_since() {
        let all = subscriptions("since=earliest", Some("elsewhere")).unwrap();
        assert_eq!(all, ["lobby Foreign(\"elsewhere\")"]);
        assert_eq!(subscriptions("", Some("")).unwrap(), ["lobby Since(Now)"]);
    }

    #[test]
    fn a_polyfills_last_event_id_comes_after_the_header_and_before_since() {
        for name in LAST_EVENT_ID {
            let query = format!("since=earliest&{name}=elsewhere");
            assert_eq!(subscriptions(&query, None).unwrap(), ["lobby Foreign(\"elsewhere\")"]);
            assert_eq!(subscriptions(&query, Some("")).unwrap(), ["lobby Foreign(\"elsewhere\")"]);
            assert_eq!(subscriptions(&query, Some("here")).unwrap(), ["lobby Foreign(\"here\")"]);
            // A client that has received nothing yet sends an empty id.
            let query = format!("since=earliest&{name}=");
            assert_eq!(subscriptions(&query, None).unwrap(), ["lobby Since(Earliest)"]);
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        assert_eq!(subscriptions("channel=a%20b", None), Err(ErrorCode::BadChannel));
        assert_eq!(subscriptions("channel=%ff", None), Err(ErrorCode::BadChannel));
        assert_eq!(subscriptions("since=yesterday", None), Err(ErrorCode::BadPosition));
        let many = "channel=a&".repeat(1_000);
        assert_eq!(subscriptions(&many, None), Err(ErrorCode::TooManySubscriptions));
        assert!(parse("format=xml").unwrap().format(Format::Raw).is_err());
        assert!(parse("wait=long").unwrap().wait_ms(Duration::MAX).is_err());
        for bad in ["0", "-1", "ten", ""] {
            assert!(parse(&format!("limit={bad}")).unwrap().limit().is_err(), "{bad}");
        }
        assert!(parse("info={").unwrap().identity().is_err());
    }

    #[test]
    fn a_heartbeat_is_an_event_for_clients_that_ask() {
        let heartbeat = |query| Query::parse(query, &["heartbeat"]).unwrap().heartbeat();
        assert_eq!(heartbeat("").unwrap(), Heartbeat::Block);
        assert_eq!(heartbeat("heartbeat=event").unwrap(), Heartbeat::Event);
        assert!(heartbeat("heartbeat=comment").is_err());
    }

    #[test]
    fn a_wait_is_cut_to_what_is_allowed() {
        assert_eq!(parse("wait=2h").unwrap().wait_ms(Duration::from_secs(60)).unwrap(), 60_000);
        assert_eq!(parse("").unwrap().wait_ms(Duration::from_secs(60)).unwrap(), 25_000);
    }
}
