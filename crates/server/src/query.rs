//! The query that all four wires share: `channel`, `since`, `format`, and their checks.

use crate::problem::Refused;
use actix_web::HttpRequest;
use std::{borrow::Cow, time::Duration};
use tidewire_connection::{Format, Identity, Limits, Place, Subscription, limit};
use tidewire_protocol::{ErrorCode, Since, parse_duration};

/// A request's query, decoded but not yet understood.
pub(crate) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    pub(crate) fn of(request: &'a HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    fn parse(text: &'a str) -> Self {
        Self { pairs: form_urlencoded::parse(text.as_bytes()).collect() }
    }

    /// The value of a parameter, the last if there are several.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).last()
    }

    /// What to follow, and from where.
    ///
    /// Without any channel it is the lobby, unless the wire can subscribe later on.
    pub(crate) fn subscriptions(
        &self,
        last_event_id: Option<&str>,
        needs_channel: bool,
        limits: &Limits,
    ) -> Result<Vec<Subscription>, Refused> {
        let (count, count_max) = (self.all("channel").count(), limits.subscriptions_max);
        if count > count_max {
            let message =
                format!("{count} channels were given; a connection follows at most {count_max}");
            return Err(Refused::new(ErrorCode::TooManySubscriptions, message));
        }
        let place = match (self.one("since"), last_event_id) {
            // The browser's own word is newer: it repeats the URL with which it once began.
            (_, Some(id)) if !id.is_empty() => Place::from_last_event_id(id),
            (Some(since), _) => Place::Since(since.parse::<Since>()?),
            (None, _) => Place::NOW,
        };
        let lobby = (count == 0 && needs_channel).then_some(LOBBY);
        self.all("channel")
            .chain(lobby)
            .map(|name| Ok(Subscription { pattern: name.parse()?, place: place.clone() }))
            .collect()
    }

    /// How messages are to look.
    pub(crate) fn format(&self, otherwise: Format) -> Result<Format, Refused> {
        match self.one("format") {
            None => Ok(otherwise),
            Some("raw") => Ok(Format::Raw),
            Some("json") => Ok(Format::Json),
            Some(other) => {
                let message = format!("format={other} is not known; it is raw or json");
                Err(Refused::new(ErrorCode::BadRequest, message))
            }
        }
    }

    /// Who the client says it is, for channels that tell who is there.
    pub(crate) fn identity(&self) -> Result<Identity, Refused> {
        Ok(Identity::new(self.one("user"), self.one("info"))?)
    }

    /// How long a long-poll may wait, in milliseconds; at most `wait_max`, whatever is asked.
    pub(crate) fn wait_ms(&self, wait_max: Duration) -> Result<u64, Refused> {
        let wait = match self.one("wait") {
            None => POLL_WAIT,
            Some("0") => Duration::ZERO,
            Some(text) => parse_duration(text).map_err(|error| {
                Refused::new(ErrorCode::BadRequest, format!("wait={text}: {error}"))
            })?,
        };
        Ok(u64::try_from(wait.min(wait_max).as_millis()).unwrap_or(u64::MAX))
    }

    /// How many are wanted.
    pub(crate) fn limit(&self) -> Result<Option<usize>, Refused> {
        Ok(self.one("limit").map(limit).transpose()?)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| &**value)
    }
}

/// The channel of those who name none.
pub(crate) const LOBBY: &str = "lobby";

/// Below the idle time-outs of common proxies.
const POLL_WAIT: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriptions(query: &str, last_event_id: Option<&str>) -> Result<Vec<String>, ErrorCode> {
        Query::parse(query)
            .subscriptions(last_event_id, true, &Limits::default())
            .map(|all| all.iter().map(|one| format!("{} {:?}", one.pattern, one.place)).collect())
            .map_err(|refused| refused.0.code)
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
    fn what_cannot_be_understood_is_refused() {
        assert_eq!(subscriptions("channel=a%20b", None), Err(ErrorCode::BadChannel));
        assert_eq!(subscriptions("channel=%ff", None), Err(ErrorCode::BadChannel));
        assert_eq!(subscriptions("since=yesterday", None), Err(ErrorCode::BadPosition));
        let many = "channel=a&".repeat(1_000);
        assert_eq!(subscriptions(&many, None), Err(ErrorCode::TooManySubscriptions));
        assert!(Query::parse("format=xml").format(Format::Raw).is_err());
        assert!(Query::parse("wait=long").wait_ms(Duration::MAX).is_err());
        for bad in ["0", "-1", "ten", ""] {
            assert!(Query::parse(&format!("limit={bad}")).limit().is_err(), "{bad}");
        }
        assert!(Query::parse("info={").identity().is_err());
    }

    #[test]
    fn a_wait_is_cut_to_what_is_allowed() {
        assert_eq!(Query::parse("wait=2h").wait_ms(Duration::from_secs(60)).unwrap(), 60_000);
        assert_eq!(Query::parse("").wait_ms(Duration::from_secs(60)).unwrap(), 25_000);
    }
}
