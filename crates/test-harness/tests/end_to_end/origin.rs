//! A web server that a test plays itself: what a page asks for is handed over, socket and all.

use anyhow::{Context as _, Result, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

/// A server with an empty page at `/`, to be an origin. Dropped, it ends.
pub(crate) struct Origin {
    address: SocketAddr,
    requests: mpsc::Receiver<Request>,
    listening: JoinHandle<Result<()>>,
}

/// A request that is still to be answered.
pub(crate) struct Request {
    head: String,
    pub(crate) stream: TcpStream,
}

impl Origin {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (sender, requests) = mpsc::channel(1);
        let listening = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(receive(stream, sender.clone()));
            }
        });
        Ok(Self { address, requests, listening })
    }

    /// Where the empty page is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The next request of the page's script.
    pub(crate) async fn request(&mut self) -> Result<Request> {
        self.requests.recv().await.context("the server has ended")
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Request {
    /// The value of a header, whose name is given in lower case; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = headers.find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim_matches([' ', '\t']))
    }

    /// Answers with these bytes, a head and perhaps a body, written in these pieces.
    pub(crate) async fn answer<'a>(
        mut self,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<()> {
        for piece in pieces {
            self.stream.write_all(piece).await?;
        }
        Ok(self.stream.shutdown().await?)
    }
}

/// Answers what a browser asks for of its own, and passes the rest on.
async fn receive(mut stream: TcpStream, requests: mpsc::Sender<Request>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // No body or frame follows before the answer, so all that arrives is the head.
        ensure!(stream.read_buf(&mut head).await? > 0, "the browser hung up");
    }
    let request = Request { head: String::from_utf8(head)?, stream };
    match request.head.split(' ').nth(1) {
        Some("/") => request.answer([EMPTY_PAGE]).await,
        Some("/favicon.ico") => request.answer([NOT_FOUND]).await,
        _ => Ok(requests.send(request).await?),
    }
}

const EMPTY_PAGE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!doctype html>";
const NOT_FOUND: &[u8] =
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
