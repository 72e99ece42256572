//! Parameters as JSON in the body of a request: for `fetch`, which sends `POST` or `QUERY`.
//!
//! A body has room for channels that no URL holds, and is in no log of a proxy. Its members have the names of the query's
//! parameters; `channels` is a list.

use super::{CHANNEL, ParameterError, Parameters, shown};
use crate::RawValue;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use std::fmt;
use tidewire_names::did_you_mean;

impl Parameters {
    /// Adds what `body` says to what the query has said.
    ///
    /// # Errors
    ///
    /// It is not one JSON object; a member is not one of the route's parameters, or is there twice; a value is of another
    /// type than it has to be.
    pub fn add_body(&mut self, body: &[u8]) -> Result<(), ParameterError> {
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

    fn add_member(&mut self, name: &str, json: &str) -> Result<(), ParameterError> {
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
        let is_of_body = |name: &&&str| !self.unread.contains(*name) && **name != HEADER;
        let of_body = self.known.iter().filter(is_of_body);
        of_body.map(|name| if *name == CHANNEL { CHANNELS } else { name })
    }

    fn unknown_member(&self, name: &str) -> ParameterError {
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

fn refuse(message: String) -> ParameterError {
    ParameterError::bad_request(message)
}

/// More than there are names.
const MEMBERS_MAX: usize = 32;

const CHANNELS: &str = "channels";
const INFO: &str = "info";

/// A header that polyfills put into the query. A body has `lastEventId`.
const HEADER: &str = "Last-Event-ID";

const EXAMPLE: &str = r#"{"channels":["chat.>"],"since":"5m"}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_adds_to_the_query_and_says_nothing_that_only_a_url_says() {
        let known = &["channel", "since", "info", "Last-Event-ID", "ticket"];
        let mut parameters = Parameters::of_query("channel=a", known, &["ticket"]).unwrap();
        parameters.add_body(br#"{"channels":["b","c"],"info":{"x": 1},"since":null}"#).unwrap();
        let pairs: Vec<_> = parameters.pairs().collect();
        let expected =
            [("channel", "a"), ("channel", "b"), ("channel", "c"), ("info", "{\"x\": 1}")];
        assert_eq!(pairs, expected);
        for body in [r#"{"ticket":"t"}"#, r#"{"Last-Event-ID":"t"}"#, r#"{"channel":"t"}"#] {
            let error = parameters.add_body(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("this path takes channels, since, info"), "{error}");
        }
    }
}
