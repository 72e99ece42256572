//! Clients that speak TLS where plain HTTP is expected, and the reverse.

use super::close::close_after_answer;
use bytes::Bytes;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Whether a connection begins like one of TLS: with a record of the handshake ([RFC 8446 §5.1]). No request begins so.
///
/// [RFC 8446 §5.1]: https://www.rfc-editor.org/rfc/rfc8446#section-5.1
pub(super) fn is_tls(first: u8) -> bool {
    first == HANDSHAKE_RECORD
}

/// Whether a connection begins like one of plain HTTP: with the letters of a method. No record of TLS begins so.
pub(super) fn is_http(first: u8) -> bool {
    first.is_ascii_uppercase()
}

/// Logs that TLS came to a port without it, at most once a minute.
pub(super) fn report_tls() {
    static REPORTED: Reported = Reported::never();
    if REPORTED.is_due() {
        tracing::warn!(
            "a client speaks TLS (https or wss) to a port that does not; it is disconnected. Use http \
             or ws there, or start the server with --tls-certificate and --tls-key"
        );
    }
}

/// When something was logged that clients can cause as often as they want: it is logged once a minute.
pub(super) struct Reported(Mutex<Option<Instant>>);

impl Reported {
    pub(super) const fn never() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether it is to be logged now; then it was.
    pub(super) fn is_due(&self) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = reported.is_none_or(|reported| reported.elapsed() >= REPORT_INTERVAL);
        if is_due {
            *reported = Some(Instant::now());
        }
        is_due
    }
}

/// Answers a request that came without TLS, and ends the connection.
pub(super) async fn answer_http(tcp: TcpStream, disconnect: Duration) -> io::Result<()> {
    let mut head = [0; HEAD_BYTES_MAX];
    let came = tcp.peek(&mut head).await?;
    let url = host(head.get(..came).unwrap_or_default());
    let url = url.map_or_else(
        || "a URL that begins with https://".to_owned(),
        |host| format!("https://{host}"),
    );
    let body = format!("This port speaks TLS, and the request came without it. Use {url}\n");
    refuse(tcp, &body, disconnect).await
}

/// Answers a request with 400 and a line of text, and ends the connection.
pub(super) async fn refuse(mut tcp: TcpStream, body: &str, disconnect: Duration) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    // It fits an empty buffer.
    tcp.write_all(answer.as_bytes()).await?;
    close_after_answer(disconnect)(tcp, Bytes::new());
    Ok(())
}

/// The host that a request names, if all of its bytes may stand in a URL's host.
fn host(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(head).ok()?;
    let fields = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    let mut hosts = fields.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = hosts.next()?.1.trim();
    let is_in_hosts = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']')
    };
    (!host.is_empty() && host.bytes().all(is_in_hosts)).then_some(host)
}

const HANDSHAKE_RECORD: u8 = 22;
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// As much of a request as is looked at for its host.
const HEAD_BYTES_MAX: usize = 2 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_request_is_named_only_if_it_is_one() {
        for (head, expected) in [
            ("GET / HTTP/1.1\r\nHost: push.example:8443\r\n\r\n", Some("push.example:8443")),
            ("GET / HTTP/1.1\r\nA: b\r\nhOST:[::1]:80\r\n", Some("[::1]:80")),
            ("GET / HTTP/1.1\r\nHost: a/../<script>\r\n\r\n", None),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", None),
            ("GET / HTTP/1.1\r\n\r\n", None),
            ("G", None),
        ] {
            assert_eq!(host(head.as_bytes()), expected, "{head}");
        }
    }
}
