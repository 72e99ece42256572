//! A proxy that understands HTTP/1.1 and does harm: it refuses, keeps silent, or holds back what is streamed.

use std::{io, time::Duration};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

/// What stands between a client and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intermediary {
    /// It reaches no server, and answers every request with 502.
    Unavailable,
    /// It answers WebSocket handshakes with 400.
    NoUpgrades,
    /// It never answers WebSocket handshakes.
    SilentUpgrades,
    /// It passes nothing of an event stream or NDJSON stream on, as if it waited for the end.
    Buffering,
}

/// What becomes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// It is passed on.
    On,
    /// It was answered.
    Answered,
    /// It is never answered.
    Silent,
}

impl Intermediary {
    /// Reads how a new connection begins, without taking it, and answers it if the server shall not.
    pub(super) async fn receive(self, client: &mut TcpStream) -> io::Result<Course> {
        if self == Self::Buffering {
            return Ok(Course::On);
        }
        let is_upgrade = is_upgrade(&head(client).await?);
        let (status, course) = match self {
            Self::Unavailable => ("502 Bad Gateway", Course::Answered),
            Self::NoUpgrades if is_upgrade => ("400 Bad Request", Course::Answered),
            Self::SilentUpgrades if is_upgrade => return Ok(Course::Silent),
            Self::NoUpgrades | Self::SilentUpgrades | Self::Buffering => return Ok(Course::On),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
             Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n{PAGE}",
            PAGE.len()
        );
        client.write_all(answer.as_bytes()).await?;
        Ok(course)
    }
}

/// Whether these bytes begin a request for something that is streamed.
pub(super) fn asks_for_stream(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let is_request = method.is_some_and(|it| [&b"GET"[..], b"POST", b"QUERY"].contains(&it));
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    is_request && [&b"/events"[..], b"/stream"].contains(&path)
}

/// The head of the first request, which stays unread.
async fn head(client: &TcpStream) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD_BYTES_MAX];
    loop {
        let read = client.peek(&mut head).await?;
        let seen = head.get(..read).unwrap_or_default();
        if read == 0 || read == HEAD_BYTES_MAX || seen.windows(4).any(|it| it == b"\r\n\r\n") {
            head.truncate(read);
            return Ok(head);
        }
        // What is there is seen again at once.
        sleep(Duration::from_millis(1)).await;
    }
}

fn is_upgrade(head: &[u8]) -> bool {
    head.to_ascii_lowercase().windows(18).any(|it| it == b"upgrade: websocket")
}

const PAGE: &str = "<html><title>not here</title></html>";
const HEAD_BYTES_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_known_by_their_path() {
        for stream in [
            "GET /events?channel=a HTTP/1.1\r\n",
            "POST /events HTTP/1.1\r\n\r\n{}",
            "GET /stream H",
        ] {
            assert!(asks_for_stream(stream.as_bytes()), "{stream}");
        }
        for other in [
            "GET /poll?channel=events HTTP/1.1\r\n",
            "DELETE /events HTTP/1.1\r\n",
            "",
            "GET /eventsx H",
        ] {
            assert!(!asks_for_stream(other.as_bytes()), "{other}");
        }
    }
}
