//! HTTP/2 from outside, by the `h2` crate as a client: connections, and a tunnel for clients that speak HTTP/1.1.

use crate::tls;
use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    client::{self, ResponseFuture, SendRequest},
    ext::Protocol,
};
use http::{Method, Request, Response, Uri};
use std::{
    future::poll_fn,
    net::{Ipv4Addr, SocketAddr},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

pub use h2;
pub use http;

/// One HTTP/2 connection over TLS; dropped, it ends.
pub struct Http2 {
    authority: String,
    requests: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// How much a client lets the server send, on one stream and on all, before it has read it.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// On one stream.
    pub stream: u32,
    /// On all streams together.
    pub connection: u32,
}

impl Windows {
    /// More than a test sends.
    pub const WIDE: Self = Self { stream: 4 << 20, connection: 16 << 20 };
}

impl Http2 {
    /// Connects, and agrees on HTTP/2.
    ///
    /// # Errors
    ///
    /// The server does not, or it announces no WebSockets over HTTP/2.
    pub async fn connect(
        address: SocketAddr,
        client: &tls::Client,
        windows: Windows,
    ) -> Result<Self> {
        let stream = client.offering_http2().connect(address).await?;
        ensure!(stream.get_ref().1.alpn_protocol() == Some(b"h2"), "it does not speak HTTP/2");
        let mut builder = client::Builder::new();
        builder.initial_window_size(windows.stream);
        builder.initial_connection_window_size(windows.connection).enable_push(false);
        let (requests, connection) = builder.handshake(stream).await?;
        let driver = tokio::spawn(connection);
        let http2 = Self { authority: address.to_string(), requests, driver };
        // Its settings come with its first frame, and this is answered after them.
        let (answer, _) = http2.send(Method::GET, "/health/live", &[], None).await?;
        ensure!(answer.await?.status() == 200);
        ensure!(http2.requests.is_extended_connect_protocol_enabled(), "no extended CONNECT");
        Ok(http2)
    }

    /// Sends the head of a request; with `protocol` an extended `CONNECT`. Without either the request has no body.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        protocol: Option<&'static str>,
    ) -> Result<(ResponseFuture, SendStream<Bytes>)> {
        let has_no_body = matches!(method, Method::GET | Method::HEAD);
        let request = self.request(method, path, headers, protocol)?;
        let mut requests = self.requests.clone().ready().await?;
        Ok(requests.send_request(request, has_no_body)?)
    }

    /// Sends the head of a `GET` after which its client sends more.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub async fn begin_unfinished(
        &self,
        path: &str,
    ) -> Result<(ResponseFuture, SendStream<Bytes>)> {
        let request = self.request(Method::GET, path, &[], None)?;
        let mut requests = self.requests.clone().ready().await?;
        Ok(requests.send_request(request, false)?)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        protocol: Option<&'static str>,
    ) -> Result<Request<()>> {
        let uri = Uri::builder().scheme("https").authority(&*self.authority).path_and_query(path);
        let mut request = Request::builder().method(method).uri(uri.build()?);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(())?;
        if let Some(protocol) = protocol {
            request.extensions_mut().insert(Protocol::from_static(protocol));
        }
        Ok(request)
    }

    /// Sends a `GET`, and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// The stream or the connection is over.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Response<RecvStream>> {
        Ok(self.send(Method::GET, path, headers, None).await?.0.await?)
    }

    /// Sends a `GET` that is not waited for.
    ///
    /// # Errors
    ///
    /// The connection is over.
    pub async fn begin(&self, path: &str) -> Result<(ResponseFuture, SendStream<Bytes>)> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Posts a body, and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// The stream or the connection is over.
    pub async fn post(&self, path: &str, body: &[u8]) -> Result<Response<RecvStream>> {
        let (answer, mut send) = self.send(Method::POST, path, &[], None).await?;
        // A server may answer before it has all.
        let _ = write(&mut send, body, true).await;
        Ok(answer.await?)
    }

    /// Waits for the end of the connection, and returns why the server has ended it.
    ///
    /// # Errors
    ///
    /// It was not the server, or not in the way of HTTP/2.
    pub async fn ended(mut self) -> Result<h2::Reason> {
        let error = match (&mut self.driver).await? {
            Ok(()) => return Ok(h2::Reason::NO_ERROR),
            Err(error) => error,
        };
        error.reason().with_context(|| format!("{error}"))
    }
}

/// The next bytes of a body; none at its end.
///
/// # Errors
///
/// The stream is over before its end.
pub async fn read(body: &mut RecvStream) -> Result<Option<Bytes>> {
    let Some(bytes) = body.data().await.transpose()? else { return Ok(None) };
    // It fails where the stream is over.
    let _ = body.flow_control().release_capacity(bytes.len());
    Ok(Some(bytes))
}

/// A whole body, as text.
///
/// # Errors
///
/// As for [`read`].
pub async fn text(body: &mut RecvStream) -> Result<String> {
    let mut all = Vec::new();
    while let Some(bytes) = read(body).await? {
        all.extend_from_slice(&bytes);
    }
    Ok(String::from_utf8(all)?)
}

async fn write(send: &mut SendStream<Bytes>, mut bytes: &[u8], is_last: bool) -> Result<()> {
    while !bytes.is_empty() {
        send.reserve_capacity(bytes.len());
        let room = match send.capacity() {
            0 => poll_fn(|context| send.poll_capacity(context)).await.context("it is over")??,
            room => room,
        };
        let (piece, rest) = bytes.split_at(room.min(bytes.len()));
        send.send_data(Bytes::copy_from_slice(piece), false)?;
        bytes = rest;
    }
    if is_last {
        send.send_data(Bytes::new(), true)?;
    }
    Ok(())
}

/// Takes plain connections of HTTP/1.1 with one request each, and passes each on as a stream of one HTTP/2 connection. It
/// ends with this.
pub struct Http2Tunnel {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Http2Tunnel {
    /// A tunnel to `target`.
    ///
    /// # Errors
    ///
    /// There is no port, or the server does not speak HTTP/2.
    pub async fn start(target: SocketAddr, client: &tls::Client) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let http2 = std::sync::Arc::new(Http2::connect(target, client, Windows::WIDE).await?);
        let task = tokio::spawn(async move {
            while let Ok((plain, _)) = listener.accept().await {
                let http2 = std::sync::Arc::clone(&http2);
                // A client may break off.
                tokio::spawn(async move { pass_on(plain, &http2).await.ok() });
            }
        });
        Ok(Self { address, task })
    }

    /// Where it takes connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Http2Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Passes one request on, and its answer back.
async fn pass_on(mut plain: TcpStream, http2: &Http2) -> Result<()> {
    plain.set_nodelay(true)?;
    let mut input = Vec::new();
    let head_end = loop {
        if let Some(at) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        ensure!(plain.read_buf(&mut input).await? > 0, "no whole head");
    };
    let rest = input.split_off(head_end + 4);
    let head = String::from_utf8(input)?;
    let mut lines = head.trim_end().split("\r\n");
    let mut words = lines.next().context("no request line")?.split(' ');
    let method: Method = words.next().context("no method")?.parse()?;
    let path = words.next().context("no target")?;
    let fields: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let value = |wanted: &str| {
        fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
    };
    let is_http1 = |name: &str| HTTP1.iter().any(|only| only.eq_ignore_ascii_case(name));
    let kept: Vec<_> = fields.iter().copied().filter(|(name, _)| !is_http1(name)).collect();
    let accept = value("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes()));
    let (answer, mut send) = match accept {
        Some(_) => http2.send(Method::CONNECT, path, &kept, Some("websocket")).await?,
        None => http2.send(method, path, &kept, None).await?,
    };
    let (mut from, mut to) = plain.into_split();
    let length = value("content-length").map_or(Ok(0), str::parse::<usize>)?;
    let is_websocket = accept.is_some();
    let mut up = tokio::spawn(async move {
        if length > 0 || is_websocket {
            write(&mut send, &rest, !is_websocket && rest.len() == length).await?;
        }
        let (mut buffer, mut passed) = (vec![0; 16 << 10], rest.len());
        loop {
            let count = from.read(&mut buffer).await?;
            if count == 0 {
                break;
            }
            passed += count;
            write(
                &mut send,
                buffer.get(..count).unwrap_or_default(),
                !is_websocket && passed == length,
            )
            .await?;
        }
        if is_websocket {
            write(&mut send, &[], true).await?;
        }
        anyhow::Ok(send)
    });
    tokio::select! {
        passed = pass_back(answer, &mut to, accept) => passed?,
        // The client has closed: dropped, the stream is reset.
        _ = &mut up, if !is_websocket => {}
    }
    up.abort();
    Ok(())
}

async fn pass_back(
    answer: ResponseFuture,
    to: &mut OwnedWriteHalf,
    accept: Option<String>,
) -> Result<()> {
    let (head, mut body) = answer.await?.into_parts();
    let mut text = format!("HTTP/1.1 {} \r\n", head.status.as_u16());
    if let Some(accept) = accept.filter(|_| head.status == 200) {
        text = format!(
            "HTTP/1.1 101 \r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: {accept}\r\n"
        );
    }
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str()?));
    }
    to.write_all(format!("{text}\r\n").as_bytes()).await?;
    while let Some(bytes) = read(&mut body).await? {
        to.write_all(&bytes).await?;
    }
    Ok(to.shutdown().await?)
}

/// What only HTTP/1.1 has, or what HTTP/2 has another name for.
const HTTP1: [&str; 6] = [
    "host",
    "connection",
    "upgrade",
    "transfer-encoding",
    "sec-websocket-key",
    "sec-websocket-accept",
];
