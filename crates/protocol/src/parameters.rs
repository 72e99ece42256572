//! The parameters of a request: in the query of its URL, or as members of a JSON object that is its body.
//!
//! Each name is one that the route takes, each value is text. Names that are not known are refused with the one that was
//! probably meant. Bytes that are not UTF-8 are refused, not replaced: two ids that differ would become one.

mod body;

use crate::ErrorCode;
use percent_encoding::percent_decode_str;
use tidewire_names::did_you_mean;

/// The parameters of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    known: &'static [&'static str],
    /// Of these, those that only a URL has and that others read: they are not kept.
    unread: &'static [&'static str],
    pairs: Vec<(String, String)>,
}

/// What is wrong with a query or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParameterError {
    /// Its kind.
    pub code: ErrorCode,
    /// For people: what is wrong, and what is allowed.
    pub message: String,
}

impl Parameters {
    /// Reads the query of a URL, of which a route takes the parameters `known`. Those of `unread` are not kept.
    ///
    /// # Errors
    ///
    /// A name is not one of `known`, or something is not UTF-8.
    pub fn of_query(
        query: &str,
        known: &'static [&'static str],
        unread: &'static [&'static str],
    ) -> Result<Self, ParameterError> {
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name, name)?;
            let is_known = known.contains(&&*name);
            if is_known && unread.contains(&&*name) {
                continue;
            }
            let value = decode(&name, value)?;
            if is_known {
                pairs.push((name, value));
            } else if name != CACHE_BUSTER {
                return Err(unknown(&name, known));
            }
        }
        Ok(Self { known, unread, pairs })
    }

    /// The parameters that the route takes.
    pub fn known(&self) -> &'static [&'static str] {
        self.known
    }

    /// The values of a parameter, in their order.
    pub fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// All names and values, in their order.
    pub fn pairs(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl ParameterError {
    fn bad_request(message: String) -> Self {
        Self { code: ErrorCode::BadRequest, message }
    }
}

/// Decodes `text` of the parameter `name` as forms are ([URL Standard §5.1]), but for bytes that are not UTF-8.
///
/// [URL Standard §5.1]: https://url.spec.whatwg.org/#urlencoded-parsing
fn decode(name: &str, text: &str) -> Result<String, ParameterError> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().map(|decoded| decoded.into_owned());
    decoded.map_err(|_| {
        // With such a byte it is not a name of a channel, no more than with a space.
        let code = if name == CHANNEL { ErrorCode::BadChannel } else { ErrorCode::BadRequest };
        let message = format!("the query parameter {} is not UTF-8", shown(name));
        ParameterError { code, message }
    })
}

fn unknown(name: &str, known: &[&str]) -> ParameterError {
    let mut message = format!("unknown query parameter {}", shown(name));
    if let Some(meant) = did_you_mean(name, known.iter().copied()) {
        message.push_str(&format!(", did you mean {meant}?"));
    }
    match known {
        [] => message.push_str("; this path takes no parameters"),
        known => message.push_str(&format!("; this path takes {}", known.join(", "))),
    }
    ParameterError::bad_request(message)
}

/// As much of a name as an error repeats.
fn shown(name: &str) -> String {
    name.chars().take(NAME_SHOWN_CHARS).collect()
}

/// What clients add to a URL so that no cache answers it, jQuery and polyfills of `EventSource` among them. It means nothing and
/// is ignored on every path.
const CACHE_BUSTER: &str = "_";

const NAME_SHOWN_CHARS: usize = 64;

const CHANNEL: &str = "channel";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_in_order_and_what_others_read_is_not_kept() {
        let known = &["channel", "since", "token"];
        let read = |query| Parameters::of_query(query, known, &["token"]);
        let parameters = read("channel=a%2Bb&token=%FF&since=5m&_=1&channel=c+d&&").unwrap();
        let pairs: Vec<_> = parameters.pairs().collect();
        assert_eq!(pairs, [("channel", "a+b"), ("since", "5m"), ("channel", "c d")]);
        assert_eq!(parameters.all("channel").collect::<Vec<_>>(), ["a+b", "c d"]);
        assert_eq!(read("channel=%FF").unwrap_err().code, ErrorCode::BadChannel);
        let error = read("chanel=a").unwrap_err().to_string();
        let expected = "unknown query parameter chanel, did you mean channel?; this path takes channel, since, token";
        assert_eq!(error, expected);
    }
}
