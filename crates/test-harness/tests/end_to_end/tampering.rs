//! A proxy that does one thing wrong, as proxies are seen to do. It forwards one request a connection.

use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};
use std::{
    collections::HashMap,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tidewire_test_harness::peers::http::Answer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// What the proxy does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tampering {
    Nothing,
    /// Passes an answer on when it has all of it.
    Buffers,
    /// Compresses streams, and passes on what has come of that.
    Compresses,
    /// Forwards a handshake without its headers.
    LosesUpgrades,
    /// Ends a connection on which nothing has come for that long.
    IsImpatient(Duration),
    /// Leaves a header of requests out.
    Strips(&'static str),
    /// Asks for the host by its own name.
    RewritesHost,
    /// Stores answers, whatever they say about that.
    Caches,
    /// Asks by HTTP/1.0.
    SpeaksHttp10,
    /// Refuses bodies that are larger.
    LimitsBodies(usize),
    /// Leaves a header of answers out.
    StripsAnswers(&'static str),
}

/// A running proxy. Dropped, it accepts no more.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    acceptor: JoinHandle<()>,
}

struct Way {
    server: SocketAddr,
    tampering: Tampering,
    stored: Mutex<HashMap<String, Vec<u8>>>,
}

impl Proxy {
    /// Forwards to `server` on a free port.
    pub(crate) async fn start(server: SocketAddr, tampering: Tampering) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let way = Arc::new(Way { server, tampering, stored: Mutex::default() });
        let acceptor = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = Arc::clone(&way);
                // A connection that breaks is a client's that has gone.
                tokio::spawn(async move { way.carry(client).await });
            }
        });
        Ok(Self { address, acceptor })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Way {
    async fn carry(&self, mut client: TcpStream) -> Result<()> {
        client.set_nodelay(true)?;
        let mut input = Vec::new();
        let end = loop {
            if let Some(at) = input.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            if client.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
        };
        let body = input.split_off(end + 4);
        let head = String::from_utf8(input)?;
        let mut lines: Vec<String> = head.trim_end().split("\r\n").map(str::to_owned).collect();
        let target = lines[0].split(' ').nth(1).context("no target")?.to_owned();
        let is_upgrade = has(&lines, "upgrade");
        if let Tampering::LimitsBodies(limit) = self.tampering
            && length(&lines) > limit
        {
            // The body has to be taken, or the client never sees the answer.
            let mut rest = vec![0; length(&lines) - body.len()];
            client.read_exact(&mut rest).await?;
            let refusal = b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 7\r\nConnection: close\r\n\r\n<html/>";
            return Ok(client.write_all(refusal).await?);
        }
        let is_read = lines[0].starts_with("GET ");
        if let Some(stored) = self.stored(&target).filter(|_| is_read) {
            return Ok(client.write_all(&stored).await?);
        }
        self.tamper(&mut lines, is_upgrade);
        let mut server = TcpStream::connect(self.server).await?;
        server.set_nodelay(true)?;
        server.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).await?;
        server.write_all(&body).await?;
        if is_upgrade && self.tampering != Tampering::LosesUpgrades {
            return self.tunnel(client, server).await;
        }
        let mut rest = vec![0; length(&lines).saturating_sub(body.len())];
        client.read_exact(&mut rest).await?;
        server.write_all(&rest).await?;
        self.answer(client, server, is_read.then_some(&*target)).await
    }

    /// Changes the head of a request.
    fn tamper(&self, lines: &mut Vec<String>, is_upgrade: bool) {
        let mut remove = |name: &str| lines.retain(|line| !is_header(line, name));
        match self.tampering {
            Tampering::Strips(name) => remove(name),
            Tampering::LosesUpgrades => ["upgrade", "connection"].into_iter().for_each(remove),
            Tampering::RewritesHost => {
                remove("host");
                lines.push(format!("Host: {}", self.server));
            }
            Tampering::SpeaksHttp10 if !is_upgrade => lines[0] = lines[0].replace("1.1", "1.0"),
            _ => {}
        }
        if !is_upgrade {
            lines.retain(|line| !is_header(line, "connection"));
            lines.push("Connection: close".to_owned());
        }
    }

    fn stored(&self, target: &str) -> Option<Vec<u8>> {
        self.stored.lock().unwrap().get(target).cloned()
    }

    /// Carries what follows a handshake.
    async fn tunnel(&self, mut client: TcpStream, mut server: TcpStream) -> Result<()> {
        let (mut down, mut up) = (vec![0; 16 << 10], vec![0; 16 << 10]);
        loop {
            let moved = async {
                tokio::select! {
                    read = server.read(&mut down) => match read? {
                        0 => Ok(false),
                        read => client.write_all(&down[..read]).await.map(|()| true),
                    },
                    read = client.read(&mut up) => match read? {
                        0 => Ok(false),
                        read => server.write_all(&up[..read]).await.map(|()| true),
                    },
                }
            };
            match timeout(self.patience(), moved).await {
                Ok(Ok::<bool, std::io::Error>(true)) => {}
                _ => return Ok(()),
            }
        }
    }

    /// Passes an answer on; its end is the end of the connection.
    async fn answer(
        &self,
        mut client: TcpStream,
        server: TcpStream,
        read: Option<&str>,
    ) -> Result<()> {
        let Ok(answer) = timeout(self.patience(), Answer::read(server)).await else {
            let late =
                b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            return Ok(client.write_all(late).await?);
        };
        let Answer { status, headers, mut body } = answer?;
        let kind = headers.iter().find(|(name, _)| name == "content-type");
        let is_stream =
            kind.is_some_and(|(_, kind)| kind.contains("event-stream") || kind.contains("ndjson"));
        let mut head = format!("HTTP/1.1 {status} Status\r\nConnection: close\r\n");
        let left_out = match self.tampering {
            Tampering::StripsAnswers(name) => name,
            _ => "",
        };
        for (name, value) in &headers {
            if !["connection", "content-length", "transfer-encoding", left_out].contains(&&**name) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let mut compressor = None;
        if is_stream && self.tampering == Tampering::Compresses {
            head.push_str("Content-Encoding: gzip\r\n");
            compressor = Some(GzEncoder::new(Vec::new(), Compression::default()));
        }
        let mut output = format!("{head}\r\n").into_bytes();
        let collects = self.tampering == Tampering::Buffers || !is_stream;
        loop {
            if !collects {
                client.write_all(&output).await?;
                output.clear();
            }
            let next = tokio::select! {
                next = timeout(self.patience(), body.next()) => next,
                _gone = client.readable(), if is_stream => return Ok(()),
            };
            match (next, &mut compressor) {
                (Ok(Ok(Some(piece))), Some(compressor)) => {
                    compressor.write_all(&piece)?;
                    output.append(compressor.get_mut());
                }
                (Ok(Ok(Some(piece))), None) => output.extend(piece),
                _ => break,
            }
        }
        if let Some(target) = read
            && self.tampering == Tampering::Caches
            && status == 200
        {
            self.stored.lock().unwrap().insert(target.to_owned(), output.clone());
        }
        Ok(client.write_all(&output).await?)
    }

    fn patience(&self) -> Duration {
        match self.tampering {
            Tampering::IsImpatient(patience) => patience,
            _ => Duration::from_secs(60),
        }
    }
}

fn is_header(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
}

fn has(lines: &[String], name: &str) -> bool {
    lines.iter().any(|line| is_header(line, name))
}

fn length(lines: &[String]) -> usize {
    let line = lines.iter().find(|line| is_header(line, "content-length"));
    line.and_then(|line| line.split_once(':')?.1.trim().parse().ok()).unwrap_or(0)
}
