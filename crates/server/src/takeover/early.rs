//! What a server answers before any handler runs: where actix alone would say nothing but a status.

use actix_http::body::BoxBody;
use actix_http::{Request, Response};
use futures_util::ready;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// The answers that are no handler's.
pub trait EarlyAnswers: Clone + Send + 'static {
    /// Whether the body that a request announces is to be sent, asked only of a client that waits
    /// for the word ([RFC 9110 §10.1.1]).
    ///
    /// # Errors
    ///
    /// It is not, and this is the answer.
    ///
    /// [RFC 9110 §10.1.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
    fn expect(&self, request: &Request) -> Result<(), Response<BoxBody>>;

    /// What an answer says that actix gives by itself, such as a 400 to a request that it cannot read.
    fn refusal(&self, status: u16) -> RefusalBody;
}

/// The body of an answer, and the header lines that go with it.
#[derive(Clone, Debug, Default)]
pub struct RefusalBody {
    /// Whole lines, each with its `\r\n`; not the length, which follows from the body.
    pub header_lines: &'static str,
    /// The body.
    pub body: String,
}

/// Takes every body, and leaves actix's answers empty.
impl EarlyAnswers for () {
    fn expect(&self, _: &Request) -> Result<(), Response<BoxBody>> {
        Ok(())
    }

    fn refusal(&self, _: u16) -> RefusalBody {
        RefusalBody::default()
    }
}

/// Whether a body is to be sent: [`EarlyAnswers::expect`].
pub(super) type Expect = Rc<dyn Fn(&Request) -> Result<(), Response<BoxBody>>>;

/// What is said with a status.
pub(super) type Refuse = Rc<dyn Fn(u16) -> RefusalBody>;

/// Writes what actix writes, but its own answers with a body.
pub(super) struct Answers {
    refuse: Refuse,
    replacement: Option<Replacement>,
}

/// What is being written in place of an answer of actix's.
struct Replacement {
    answer: Vec<u8>,
    written: usize,
    /// The length of that answer.
    replaces: usize,
}

impl Answers {
    pub(super) fn new(refuse: Refuse) -> Self {
        Self { refuse, replacement: None }
    }

    /// The answer to a head that does not end.
    pub(super) fn timeout(&self) -> Vec<u8> {
        self.instead_of(TIMEOUT)
    }

    /// The answer to a head for which there is no room.
    pub(super) fn unavailable(&self) -> Vec<u8> {
        self.instead_of(UNAVAILABLE)
    }

    fn instead_of(&self, bare: &[u8]) -> Vec<u8> {
        EmptyResponse::find(bare)
            .map(|bare| bare.with(&(self.refuse)(bare.status)))
            .unwrap_or_default()
    }

    /// Writes some of `bytes`; returns how many.
    ///
    /// If it is muted, an answer of actix's is left out: it is about bytes after the last request, which get no
    /// answer.
    pub(super) fn poll_write<S: AsyncWrite>(
        &mut self,
        mut stream: Pin<&mut S>,
        context: &mut Context<'_>,
        bytes: &[u8],
        is_muted: bool,
    ) -> Poll<io::Result<usize>> {
        if self.replacement.is_none() {
            match EmptyResponse::find(bytes) {
                None => return stream.poll_write(context, bytes),
                Some(bare) if !bare.before.is_empty() => {
                    return stream.poll_write(context, bare.before);
                }
                Some(_) if is_muted => return Poll::Ready(Ok(bytes.len())),
                Some(bare) => {
                    let answer = bare.with(&(self.refuse)(bare.status));
                    self.replacement =
                        Some(Replacement { answer, written: 0, replaces: bytes.len() });
                }
            }
        }
        while let Some(Replacement { answer, written, replaces }) = &mut self.replacement {
            let rest = answer.get(*written..).unwrap_or_default();
            if rest.is_empty() {
                let replaced = *replaces;
                self.replacement = None;
                return Poll::Ready(Ok(replaced));
            }
            match ready!(stream.as_mut().poll_write(context, rest))? {
                0 => break,
                more => *written += more,
            }
        }
        Poll::Ready(Ok(0))
    }
}

/// An answer that only actix gives, as it stands at the end of what it writes.
///
/// A handler's refusal has a body, and no byte of a body can be taken for one: a body that ends
/// with these lines would have to hold them raw.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EmptyResponse<'a> {
    /// What is before it, and is to be written as it is.
    pub(super) before: &'a [u8],
    pub(super) status: u16,
    head: &'a str,
}

impl<'a> EmptyResponse<'a> {
    /// Finds one: a status line from 400 on, no body, and nothing after it.
    pub(super) fn find(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.strip_suffix(b"\r\n\r\n")?;
        let window = head.len().saturating_sub(HEAD_BYTES_MAX);
        let tail = head.get(window..)?;
        let start = tail.windows(VERSION.len()).rposition(|window| window == VERSION)?;
        let (before, head) = bytes.split_at_checked(window + start)?;
        let head = std::str::from_utf8(head).ok()?.strip_suffix("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.get(STATUS_AT..)?.get(..3)?.parse().ok()?;
        let is_actix = |line: &str| {
            line == EMPTY || line.starts_with("connection: ") || line.starts_with("date: ")
        };
        let is_bare =
            status >= 400 && lines.clone().all(is_actix) && lines.any(|line| line == EMPTY);
        is_bare.then_some(Self { before, status, head })
    }

    /// The same answer with a body.
    pub(super) fn with(&self, refusal: &RefusalBody) -> Vec<u8> {
        let RefusalBody { header_lines, body } = refusal;
        let length = format!("content-length: {}", body.len());
        let head = self.head.replacen(EMPTY, &length, 1);
        format!("{head}\r\n{header_lines}\r\n{body}").into_bytes()
    }
}

const TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const VERSION: &[u8] = b"HTTP/1.";
/// Behind `HTTP/1.1 `.
const STATUS_AT: usize = 9;
const EMPTY: &str = "content-length: 0";
/// The longest that actix writes of its own is 130 bytes.
const HEAD_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    const BARE: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\
                          date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";

    #[test]
    fn an_answer_of_actix_is_found_behind_others_and_gets_a_body() {
        let before: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        let all = [before, BARE].concat();
        let found = EmptyResponse::find(&all).unwrap();
        assert_eq!((found.before, found.status), (before, 400));
        let refusal = RefusalBody { header_lines: "a: b\r\n", body: "why".to_owned() };
        assert_eq!(
            String::from_utf8(found.with(&refusal)).unwrap(),
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\nconnection: close\r\n\
             date: Thu, 01 Jan 1970 00:00:00 GMT\r\na: b\r\n\r\nwhy"
        );
    }

    #[actix_web::test]
    async fn the_answer_in_its_place_is_whole_however_little_the_socket_takes() {
        let before: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        let bytes = [before, BARE].concat();
        for is_muted in [false, true] {
            let (mut client, mut socket) = tokio::io::duplex(3);
            let mut answers = Answers::new(Rc::new(|status| RefusalBody {
                header_lines: "a: b\r\n",
                body: format!("this is a {status}"),
            }));
            let bytes = bytes.clone();
            let server = actix_web::rt::spawn(async move {
                let mut written = 0;
                while written < bytes.len() {
                    written += std::future::poll_fn(|context| {
                        let socket = Pin::new(&mut socket);
                        answers.poll_write(socket, context, &bytes[written..], is_muted)
                    })
                    .await
                    .unwrap();
                }
            });
            let mut all = String::new();
            client.read_to_string(&mut all).await.unwrap();
            server.await.unwrap();
            let answer = all.strip_prefix(std::str::from_utf8(before).unwrap()).unwrap();
            assert_eq!(answer.is_empty(), is_muted);
            assert!(is_muted || answer.ends_with("a: b\r\n\r\nthis is a 400"), "{all}");
        }
    }

    #[test]
    fn what_a_handler_says_is_left_alone() {
        for other in [
            &b"HTTP/1.1 204 No Content\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\nallow: GET\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\n\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n",
            b"\r\n\r\n",
            b"",
            &BARE[..BARE.len() - 1],
            &BARE[9..],
        ] {
            assert_eq!(EmptyResponse::find(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
