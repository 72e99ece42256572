//! Where a request has its credentials: in `Authorization`, in a cookie, or in its query. Nothing here judges them.

use super::{Caller, CredentialError, credential_error::Ignored, identity::Carrier};
use actix_web::{
    dev::RequestHead,
    http::header::{self, HeaderMap},
};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A credential as it was sent, and how.
#[derive(PartialEq, Eq)]
pub(super) struct Credential<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) carrier: Carrier,
}

/// The credential of a request, or what it had in place of one. `cookie` is the name of the cookie that may have it.
///
/// # Errors
///
/// There are several, or one that cannot be a token.
pub(super) fn find<'a>(
    head: &'a RequestHead,
    caller: &Caller,
    cookie: Option<&str>,
) -> Result<Result<Credential<'a>, Ignored>, CredentialError> {
    let mut ignored = Ignored::Nothing;
    let header = match authorization(&head.headers)? {
        Authorization::Bearer(token) => Some(Cow::Borrowed(token)),
        Authorization::Other => {
            ignored = Ignored::Scheme;
            None
        }
        Authorization::Absent => None,
    };
    let mut from_cookie = cookie.map(|name| in_cookie(&head.headers, name)).transpose()?.flatten();
    if from_cookie.is_some() && !caller.may_send_cookies() {
        (from_cookie, ignored) = (None, Ignored::Cookie);
    }
    let query = in_query(head.uri.query().unwrap_or_default())?;
    let (text, carrier) = match (header, from_cookie, query) {
        (None, None, None) => return Ok(Err(ignored)),
        (Some(token), None, None) => (token, Carrier::Private),
        (None, Some(token), None) => (token.into(), Carrier::Private),
        (None, None, Some(token)) => (token, Carrier::Query),
        (Some(_), Some(_), None) => return Err(several("in Authorization and in a cookie")),
        (Some(_), None, Some(_)) => return Err(several("in Authorization and in the query")),
        (None, Some(_), Some(_)) => return Err(several("in a cookie and in the query")),
        (Some(_), Some(_), Some(_)) => return Err(several("in three places")),
    };
    Ok(Ok(Credential { text, carrier }))
}

/// What `Authorization` says.
enum Authorization<'a> {
    Bearer(&'a str),
    /// Another scheme, as a proxy may ask for.
    Other,
    Absent,
}

/// Reads `Authorization: Bearer` ([RFC 6750 §2.1]). Another scheme is for somebody else, such as a proxy on the way.
///
/// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
fn authorization(headers: &HeaderMap) -> Result<Authorization<'_>, CredentialError> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(Authorization::Absent) };
    if values.next().is_some() {
        return Err(several("in two Authorization headers"));
    }
    let malformed = CredentialError::Malformed { place: "the Authorization header" };
    let text = value.to_str().map_err(|_| malformed.clone())?.trim();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Authorization::Other);
    }
    let token = token.trim();
    if is_token(token) { Ok(Authorization::Bearer(token)) } else { Err(malformed) }
}

/// The value of a cookie ([RFC 6265 §5.4]), bare or quoted.
///
/// [RFC 6265 §5.4]: https://www.rfc-editor.org/rfc/rfc6265#section-5.4
fn in_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, CredentialError> {
    let lines = headers.get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    let pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter_map(|(key, value)| (key == name).then_some(value));
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(several("in two cookies of the same name"));
    }
    let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    match bare {
        // A cookie that was taken back.
        "" => Ok(None),
        token if is_token(token) => Ok(Some(token)),
        _ => Err(CredentialError::Malformed { place: "the cookie" }),
    }
}

/// The ticket of a request, whatever its form: what is none is refused like one that was used.
///
/// # Errors
///
/// There are several.
pub(super) fn ticket(head: &RequestHead) -> Result<Option<Cow<'_, str>>, CredentialError> {
    let mut values = values_of(TICKET, head.uri.query().unwrap_or_default());
    let ticket = values.next();
    match values.next() {
        None => Ok(ticket.map(decoded)),
        Some(_) => Err(several("as ticket= twice")),
    }
}

/// The values of a parameter, as they are spelled.
fn values_of<'a>(wanted: &str, query: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter_map(move |(name, value)| (decoded(name) == wanted).then_some(value))
}

/// The parameter `token`.
fn in_query(query: &str) -> Result<Option<Cow<'_, str>>, CredentialError> {
    let mut values = values_of(TOKEN, query);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(several("as token= twice"));
    }
    let token = decoded(value);
    if is_token(&token) {
        Ok(Some(token))
    } else {
        Err(CredentialError::Malformed { place: "token=" })
    }
}

/// Bytes that are not UTF-8 are replaced by what no token has.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// `b64token` of [RFC 6750 §2.1].
///
/// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
fn is_token(text: &str) -> bool {
    let rest = text.trim_end_matches('=');
    let is_in_tokens = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !rest.is_empty() && rest.bytes().all(is_in_tokens)
}

fn several(places: &'static str) -> CredentialError {
    CredentialError::TooMany { places }
}

/// The parameter of a query that has a token.
pub(crate) const TOKEN: &str = "token";

/// The parameter of a query that has a ticket.
pub(crate) const TICKET: &str = "ticket";

#[cfg(test)]
mod tests;
