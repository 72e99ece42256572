//! The parameters of a request to subscribe, as JSON in its body: for `fetch`, which sends `POST` or `QUERY`.
//!
//! A body has room for channels that no URL holds, and is in no log of a proxy. Its members have the names of the query's
//! parameters; `channels` is a list.

use super::{LAST_EVENT_ID, Query, shown};
use crate::{
    access::{TICKET, TOKEN},
    problem::ProblemResponse,
    suggestion::did_you_mean,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;
use tidewire_protocol::ErrorCode;

impl Query {
    /// Adds what `body` says to what the query has said; a member goes before a parameter of the query.
    ///
    /// # Errors
    ///
    /// It is not one JSON object; a member is not one of the route's parameters, or is there twice; a value is of another
    /// type than it has to be.
    pub(crate) fn add_body(&mut self, body: &[u8]) -> Result<(), ProblemResponse> {
        let Members(members) = serde_json::from_slice(body).map_err(|error| {
            refuse(format!("the body has to be one JSON object, such as {EXAMPLE}: {error}"))
        })?;
        for (at, (name, value)) in members.iter().enumerate() {
            if members.iter().take(at).any(|(other, _)| other == name) {
                return Err(refuse(format!("the member {} is there twice", shown(name))));
            }
            self.add_member(name, value.get())?;
        }
        Ok(())
    }

    fn add_member(&mut self, name: &str, json: &str) -> Result<(), ProblemResponse> {
        if !self.members().any(|known| known == name) {
            return Err(self.unknown_member(name));
        }
        if json == "null" {
            return Ok(());
        }
        let expected = |what: &str| refuse(format!("the member {name} has to be {what}"));
        match name {
            CHANNELS => {
                let channels: Vec<String> = serde_json::from_str(json).map_err(|_| {
                    expected("a list of channels and patterns, such as [\"chat.>\"]")
                })?;
                self.pairs.extend(channels.into_iter().map(|it| (CHANNEL.to_owned(), it)));
            }
            INFO => self.pairs.push((name.to_owned(), json.to_owned())),
            _ => {
                let text = serde_json::from_str(json).map_err(|_| expected("a string"))?;
                self.pairs.push((name.to_owned(), text));
            }
        }
        Ok(())
    }

    /// What a body may say.
    fn members(&self) -> impl Iterator<Item = &'static str> {
        let is_of_body = |name: &&&str| !OF_URL.contains(*name) && **name != LAST_EVENT_ID[1];
        let of_body = self.known.iter().filter(is_of_body);
        of_body.map(|name| if *name == CHANNEL { CHANNELS } else { name })
    }

    fn unknown_member(&self, name: &str) -> ProblemResponse {
        let known: Vec<&str> = self.members().collect();
        let mut message = format!("unknown member {} in the body", shown(name));
        if let Some(meant) = did_you_mean(name, known.iter().copied()) {
            message.push_str(&format!(", did you mean {meant}?"));
        }
        refuse(format!("{message}; this path takes {}", known.join(", ")))
    }
}

/// The members of an object, in order, also those that are there twice.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject;

        impl<'de> Visitor<'de> for OfObject {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if members.len() == MEMBERS_MAX {
                        return Err(serde::de::Error::custom("too many members"));
                    }
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(OfObject)
    }
}

fn refuse(message: String) -> ProblemResponse {
    ProblemResponse::new(ErrorCode::BadRequest, message)
}

/// The most that a body may have, in bytes: like the head of a `GET`, which it stands for.
pub(crate) const BODY_BYTES_MAX: usize = 128 << 10;

/// More than there are names.
const MEMBERS_MAX: usize = 32;

const CHANNEL: &str = "channel";
const CHANNELS: &str = "channels";
const INFO: &str = "info";

/// What says who asks is read before the body.
const OF_URL: [&str; 2] = [TICKET, TOKEN];

const EXAMPLE: &str = r#"{"channels":["chat.>"],"since":"5m"}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use tidewire_connection::Limits;

    const KNOWN: super::super::Parameters = &[
        "channel",
        "since",
        "lastEventId",
        "Last-Event-ID",
        "format",
        "heartbeat",
        "user",
        "info",
        "ticket",
    ];

    fn query(url: &str, body: &str) -> Result<Query, ProblemResponse> {
        let mut query = Query::parse(url, KNOWN)?;
        query.add_body(body.as_bytes())?;
        Ok(query)
    }

    fn refused(body: &str) -> String {
        query("", body).unwrap_err().to_string()
    }

    fn subscriptions(url: &str, body: &str) -> Vec<String> {
        let all = query(url, body).unwrap().subscriptions(None, true, &Limits::default()).unwrap();
        all.iter().map(|one| format!("{} {:?}", one.pattern, one.start)).collect()
    }

    #[test]
    fn a_body_says_what_a_query_says() {
        let body = r#"{"channels":["a","b.*"],"since":"earliest","info":{"x": 1},"format":null}"#;
        assert_eq!(subscriptions("", body), ["a Since(Earliest)", "b.* Since(Earliest)"]);
        let query = query("", body).unwrap();
        assert_eq!((query.one("info"), query.one("format")), (Some(r#"{"x": 1}"#), None));
        assert_eq!(subscriptions("", "{}"), ["lobby Since(Now)"]);
        let resumed = r#"{"lastEventId":"elsewhere","since":"earliest"}"#;
        assert_eq!(subscriptions("", resumed), ["lobby Foreign(\"elsewhere\")"]);
    }

    #[test]
    fn a_body_goes_before_the_query_and_adds_channels_to_it() {
        let all = subscriptions("channel=a&since=5m", r#"{"channels":["b"],"since":"earliest"}"#);
        assert_eq!(all, ["a Since(Earliest)", "b Since(Earliest)"]);
    }

    #[test]
    fn what_a_body_may_not_say_is_named_with_what_was_meant() {
        let detail = refused(r#"{"chanels":["a"]}"#);
        assert!(
            detail.contains(
                "unknown member chanels in the body, did you mean channels?; this path takes channels, since, lastEventId, \
                 format, heartbeat, user, info"
            ) && !detail.contains("ticket"),
            "{detail}"
        );
        for (body, part) in [
            (r#"{"channel":"a"}"#, "did you mean channels?"),
            (r#"{"ticket":"t"}"#, "unknown member ticket"),
            (r#"{"Last-Event-ID":"t"}"#, "unknown member Last-Event-ID"),
            (r#"{"since":"now","since":"5m"}"#, "the member since is there twice"),
            (r#"{"since":5}"#, "the member since has to be a string"),
            (r#"{"channels":"a"}"#, "the member channels has to be a list"),
            (r#"{"channels":["a",1]}"#, "the member channels has to be a list"),
            ("", "the body has to be one JSON object"),
            ("[]", "the body has to be one JSON object"),
            ("{} {}", "the body has to be one JSON object"),
            ("{\"since\":\"\u{fe}", "the body has to be one JSON object"),
        ] {
            let detail = refused(body);
            assert!(detail.contains(part), "{body}: {detail}");
        }
        assert!(refused(&format!("{{{:?}:1}}", "x".repeat(100_000))).len() < 300);
        let many: Vec<String> = (0..40).map(|n| format!("\"m{n}\":1")).collect();
        assert!(refused(&format!("{{{}}}", many.join(","))).contains("too many members"));
        assert!(
            query("", "\u{0}\u{1}").is_err()
                && Query::parse("", KNOWN).unwrap().add_body(b"\xFF").is_err()
        );
    }

    #[test]
    fn an_escaped_text_is_the_text() {
        assert_eq!(subscriptions("", r#"{"\u0063hannels":["\u0061"]}"#), ["a Since(Now)"]);
    }
}
