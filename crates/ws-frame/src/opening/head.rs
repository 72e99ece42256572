//! The head of a request or of a response, in HTTP/1.1: collected from reads, and split into lines.

use alloc::vec::Vec;

use bytes::BytesMut;

use crate::OpenError;
use crate::handshake::number;

/// A request that a client has sent, for a server to judge.
#[derive(Debug)]
pub struct Request<'a> {
    pub(super) method: &'a str,
    target: &'a str,
    pub(super) version: &'a str,
    headers: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Request<'a> {
    /// Splits a head into its lines; `None` if it is malformed.
    pub(super) fn read(head: &'a [u8]) -> Option<Self> {
        let (first, headers) = split(head)?;
        let mut words = first.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() {
            return None;
        }
        Some(Self { method, target, version, headers })
    }

    /// The path and query that the client asked for, as it spelled them.
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// The value of the first line of that name, in any case, if it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let named = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        named.and_then(|(_, value)| str::from_utf8(value.trim_ascii()).ok())
    }

    /// All lines in their order: a name, and the bytes after its colon.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
        self.headers.iter().copied()
    }

    /// The values of every line of that name.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        named.filter_map(|(_, value)| str::from_utf8(value).ok())
    }
}

/// A response that a server has sent.
#[derive(Debug)]
pub(super) struct Response<'a> {
    pub(super) status: u16,
    headers: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Response<'a> {
    /// Splits a head into its lines; `None` if it is malformed.
    pub(super) fn read(head: &'a [u8]) -> Option<Self> {
        let (first, headers) = split(head)?;
        let status = first.strip_prefix("HTTP/1.1 ")?.split(' ').next().and_then(number)?;
        Some(Self { status, headers })
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
        self.headers.iter().copied()
    }
}

/// The first line of a head, and its headers.
#[expect(clippy::type_complexity, reason = "two lines further it is taken apart")]
fn split(head: &[u8]) -> Option<(&str, Vec<(&str, &[u8])>)> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r"));
    let first = str::from_utf8(lines.next()??).ok()?;
    let mut headers = Vec::new();
    loop {
        let line = lines.next()??;
        if line.is_empty() {
            return Some((first, headers));
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(colon)?;
        // White space here would be part of the name to one reader and not to the next.
        if name.is_empty() || !name.iter().copied().all(is_token_byte) {
            return None;
        }
        headers.push((str::from_utf8(name).ok()?, value.get(1..)?));
    }
}

/// Whether a name of HTTP may have this byte ([RFC 9110 §5.6.2]).
///
/// [RFC 9110 §5.6.2]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Collects a head out of reads.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    received: BytesMut,
    /// Where no end of the head begins.
    searched: usize,
}

impl HeadReader {
    /// Where to append what arrives.
    pub(crate) fn room(&mut self) -> &mut BytesMut {
        self.received.reserve(READ_BYTES);
        &mut self.received
    }

    /// The head, once it is whole.
    ///
    /// # Errors
    ///
    /// It is longer than any head needs to be.
    pub(crate) fn head(&mut self) -> Result<Option<BytesMut>, OpenError> {
        let unsearched = self.received.get(self.searched..).unwrap_or_default();
        let end = unsearched.windows(END.len()).position(|bytes| bytes == END);
        let end = end.map(|at| self.searched.saturating_add(at).saturating_add(END.len()));
        match end.unwrap_or(self.received.len()) {
            HEAD_BYTES_END.. => Err(OpenError::HeadTooLong),
            end_or_less if end.is_some() => Ok(Some(self.received.split_to(end_or_less))),
            received => {
                self.searched = received.saturating_sub(END.len());
                Ok(None)
            }
        }
    }

    /// What has come after the head.
    pub(crate) fn into_rest(self) -> BytesMut {
        self.received
    }
}

const END: &[u8] = b"\r\n\r\n";

/// Longer than the heads of browsers with all their cookies.
const HEAD_BYTES_END: usize = 32 << 10;

const READ_BYTES: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET /chat?a=1 HTTP/1.1\r\nHost: example.com\r\nOrigin:  a\r\n\r\n";

    #[test]
    fn a_head_cut_anywhere_is_found_and_what_follows_stays() {
        for cut in 0..HEAD.len() {
            let mut reader = HeadReader::default();
            reader.room().extend_from_slice(&HEAD[..cut]);
            assert_eq!(reader.head().unwrap(), None, "{cut}");
            reader.room().extend_from_slice(&HEAD[cut..]);
            reader.room().extend_from_slice(b"\x81");
            assert_eq!(reader.head().unwrap().unwrap(), HEAD, "{cut}");
            assert_eq!(reader.into_rest(), b"\x81"[..]);
        }
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let mut reader = HeadReader::default();
        for _ in 0..(32 << 10) - 1 {
            reader.room().extend_from_slice(b"a");
            assert!(matches!(reader.head(), Ok(None)));
        }
        reader.room().extend_from_slice(b"a");
        assert!(matches!(reader.head(), Err(OpenError::HeadTooLong)));
    }

    #[test]
    fn a_request_is_read_as_it_is_spelled() {
        let request = Request::read(HEAD).unwrap();
        assert_eq!((request.target(), request.header("origin")), ("/chat?a=1", Some("a")));
        assert_eq!(request.headers().count(), 2);
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for head in [
            &b"GET / HTTP/1.1 x\r\n\r\n"[..],
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            b"GET / HTTP/1.1\r\n: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost\r\n\r\n",
            b"GET / HTTP/1.1\nHost: a\n\n",
            b"\xFF / HTTP/1.1\r\n\r\n",
        ] {
            assert!(Request::read(head).is_none(), "{}", head.escape_ascii());
        }
        assert!(Response::read(b"HTTP/1.0 101 Switching\r\n\r\n").is_none());
        assert!(Response::read(b"HTTP/1.1 +101 Switching\r\n\r\n").is_none());
        assert_eq!(Response::read(b"HTTP/1.1 404\r\n\r\n").unwrap().status, 404);
    }
}
