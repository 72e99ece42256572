//! What both sides of the handshake ask of header lines.
//!
//! Lines come as any HTTP parser hands them out: a name, and the bytes behind its colon. Of one name
//! there may be several, which together are one list ([RFC 9110 §5.3]).
//!
//! [RFC 9110 §5.3]: https://www.rfc-editor.org/rfc/rfc9110#section-5.3

use core::str::FromStr;

/// The number that a text is in digits alone, without the sign that `parse` takes.
pub(crate) fn number<N: FromStr>(digits: &str) -> Option<N> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// The values of every line of that name, without the white space around them.
pub(super) fn values<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    name: &'static str,
) -> impl Iterator<Item = &'a [u8]> {
    let named = headers.into_iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim_ascii())
}

/// Whether one of the lists in those lines has `token`, in any case.
pub(super) fn has_token<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    name: &'static str,
    token: &str,
) -> bool {
    values(headers, name).flat_map(items).any(|item| item.eq_ignore_ascii_case(token.as_bytes()))
}

/// The items of a list divided by commas. Empty ones count for nothing.
pub(super) fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}
