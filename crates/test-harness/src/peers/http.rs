//! HTTP/1.1 by hand: requests as literal bytes, answers with their framing taken off.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An answer whose head has come.
#[derive(Debug)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// What follows.
    pub body: Body,
}

/// The body of an answer, as it comes.
#[derive(Debug)]
pub struct Body {
    stream: TcpStream,
    /// Arrived and not yet handed out.
    buffer: Vec<u8>,
    framing: Framing,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    /// This number of bytes is to come.
    Length(usize),
    /// This number of bytes of the chunk is to come, its line end included; 0 if a size is to come.
    Chunked(usize),
    UntilClose,
    Ended,
}

/// Sends a request, and reads the head of its answer.
///
/// # Errors
///
/// The connection failed, or what came is not HTTP.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // A server may answer and close before it has read everything.
    let _sent = stream.write_all(request).await;
    Answer::read(stream).await
}

/// `GET`s a path.
///
/// # Errors
///
/// As for [`exchange`].
pub async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    exchange(address, request.as_bytes()).await
}

/// `POST`s a body.
///
/// # Errors
///
/// As for [`exchange`].
pub async fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    exchange(address, &[request.as_bytes(), body].concat()).await
}

/// Publishes text, and returns its position.
///
/// # Errors
///
/// It was not published.
pub async fn publish(address: SocketAddr, channel: &str, text: &str) -> Result<String> {
    let answer = post(address, &format!("/publish/{channel}"), &[], text.as_bytes()).await?;
    let answer = answer.json().await?;
    super::text(&answer, "position")
}

/// Publishes texts in one batch, and returns their positions.
///
/// # Errors
///
/// Not all of them were published.
pub async fn publish_all<'a>(
    address: SocketAddr,
    messages: impl IntoIterator<Item = (&'a str, String)>,
) -> Result<Vec<String>> {
    let messages: Vec<Value> = messages
        .into_iter()
        .map(|(channel, data)| json!({"channel": channel, "data": data}))
        .collect();
    let body = json!({ "messages": messages }).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = post(address, "/publish", &headers, body.as_bytes()).await?;
    let answer = answer.json().await?;
    let results = answer.get("results").and_then(Value::as_array).context("no results")?;
    results.iter().map(|result| super::text(result, "position")).collect()
}

impl Answer {
    /// Reads the head of an answer.
    ///
    /// # Errors
    ///
    /// The connection failed, or what came is not HTTP.
    pub async fn read(mut stream: TcpStream) -> Result<Self> {
        let mut buffer = Vec::new();
        let head_end = loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(buffer.len() < HEAD_BYTES_MAX, "the head does not end");
            let read = stream.read_buf(&mut buffer).await.context("reading an answer")?;
            ensure!(read > 0, "the connection ended after {:?}", String::from_utf8_lossy(&buffer));
        };
        let head = String::from_utf8(buffer.drain(..head_end).collect())?;
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1."));
        let status = status.and_then(|rest| rest.get(2..5)).context("no status line")?.parse()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let header = |wanted| {
            headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let framing = match (header("transfer-encoding"), header("content-length")) {
            (Some("chunked"), _) => Framing::Chunked(0),
            (_, Some(length)) => Framing::Length(length.parse()?),
            (_, None) => Framing::UntilClose,
        };
        Ok(Self { status, body: Body { stream, buffer, framing }, headers })
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, wanted: &str) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// The whole body as text.
    ///
    /// # Errors
    ///
    /// It breaks off, or is not UTF-8.
    pub async fn text(mut self) -> Result<String> {
        let mut body = Vec::new();
        while let Some(piece) = self.body.next().await? {
            body.extend(piece);
        }
        Ok(String::from_utf8(body)?)
    }

    /// The whole body as JSON, of an answer that is well.
    ///
    /// # Errors
    ///
    /// The status is not 200, or the body is not JSON.
    pub async fn json(self) -> Result<Value> {
        let status = self.status;
        let text = self.text().await?;
        ensure!(status == 200, "answered with {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

impl Body {
    /// Some more of it; `None` at its proper end.
    ///
    /// # Errors
    ///
    /// The connection ended before the body did, or a chunk is malformed.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(piece) = self.take()? {
                return Ok(Some(piece));
            }
            if matches!(self.framing, Framing::Ended | Framing::Length(0)) {
                return Ok(None);
            }
            let read = self.stream.read_buf(&mut self.buffer).await.context("reading a body")?;
            match (read, self.framing) {
                (1.., _) => {}
                (0, Framing::UntilClose) => return Ok(None),
                (0, _) => bail!("the connection ended inside a body"),
            }
        }
    }

    /// Takes what the buffer holds of the body, without its framing.
    fn take(&mut self) -> Result<Option<Vec<u8>>> {
        let mut piece = Vec::new();
        loop {
            match self.framing {
                Framing::Chunked(0) => {
                    let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                        break;
                    };
                    let line = String::from_utf8(self.buffer.drain(..=end).collect())?;
                    match usize::from_str_radix(line.trim_end(), 16)? {
                        0 => self.framing = Framing::Ended,
                        size => self.framing = Framing::Chunked(size + CHUNK_END.len()),
                    }
                }
                Framing::Chunked(left) => {
                    let data_left = left.saturating_sub(CHUNK_END.len()).min(self.buffer.len());
                    piece.extend(self.buffer.drain(..data_left));
                    let left = left - data_left;
                    if left > CHUNK_END.len() || self.buffer.len() < left {
                        self.framing = Framing::Chunked(left);
                        break;
                    }
                    let end: Vec<u8> = self.buffer.drain(..left).collect();
                    ensure!(end == *CHUNK_END.get(CHUNK_END.len() - left..).unwrap_or(CHUNK_END));
                    self.framing = Framing::Chunked(0);
                }
                Framing::Length(left) => {
                    piece.extend(self.buffer.drain(..left.min(self.buffer.len())));
                    self.framing = Framing::Length(left - piece.len());
                    break;
                }
                Framing::UntilClose => {
                    piece.append(&mut self.buffer);
                    break;
                }
                Framing::Ended => break,
            }
        }
        Ok((!piece.is_empty()).then_some(piece))
    }
}

const CHUNK_END: &[u8] = b"\r\n";
const HEAD_BYTES_MAX: usize = 64 << 10;
