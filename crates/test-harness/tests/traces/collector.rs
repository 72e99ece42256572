//! A collector: it takes OTLP over HTTP in JSON, and keeps the spans.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

/// A running collector.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    exports: Mutex<Receiver<Result<Value>>>,
}

/// A span, and the service that it is of.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) span: Value,
}

impl Collector {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (sender, exports) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || serve(stream?, &sender));
            }
            anyhow::Ok(())
        });
        Ok(Self { address, exports: Mutex::new(exports) })
    }

    /// The next spans that come, at least `count`.
    pub(crate) fn spans(&self, count: usize) -> Result<Vec<Span>> {
        let (exports, mut spans) = (self.exports.lock().unwrap(), Vec::new());
        while spans.len() < count {
            let export = exports.recv_timeout(PATIENCE).context("no spans come")??;
            for resource in list(&export["resourceSpans"])? {
                let service = attribute(&resource["resource"], "service.name")?;
                let service = service["stringValue"].as_str().context("no name")?.to_owned();
                for scope in list(&resource["scopeSpans"])? {
                    let found = list(&scope["spans"])?.iter();
                    spans.extend(
                        found.map(|it| Span { service: service.clone(), span: it.clone() }),
                    );
                }
            }
        }
        Ok(spans)
    }

    /// Checks that no further spans have come.
    pub(crate) fn has_no_more(&self) -> Result<()> {
        ensure!(self.exports.lock().unwrap().try_recv().is_err(), "there are more spans");
        Ok(())
    }
}

impl Span {
    /// What an attribute of it says, as text.
    pub(crate) fn says(&self, name: &str) -> Result<String> {
        let value = attribute(&self.span, name)?;
        let [value] = value.as_object().context("no value")?.values().collect::<Vec<_>>()[..]
        else {
            anyhow::bail!("{name} has several values")
        };
        Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    pub(crate) fn text(&self, member: &str) -> Result<&str> {
        self.span[member].as_str().with_context(|| format!("no {member}: {}", self.span))
    }
}

fn attribute<'a>(of: &'a Value, name: &str) -> Result<&'a Value> {
    let found = list(&of["attributes"])?.iter().find(|it| it["key"] == name);
    Ok(&found.with_context(|| format!("no {name}: {of}"))?["value"])
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().with_context(|| format!("no list: {value}"))
}

/// Takes exports over one connection until it ends.
fn serve(stream: TcpStream, sender: &Sender<Result<Value>>) -> Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream;
    loop {
        let (mut line, mut bytes) = (String::new(), 0);
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_export = line.starts_with("POST /v1/traces HTTP/1.1");
        let mut is_json = false;
        while line != "\r\n" {
            line.clear();
            input.read_line(&mut line)?;
            let head = line.to_ascii_lowercase();
            if let Some(length) = head.strip_prefix("content-length:") {
                bytes = length.trim().parse()?;
            }
            is_json |= head.trim() == "content-type: application/json";
        }
        let mut body = vec![0; bytes];
        input.read_exact(&mut body)?;
        let export = match is_export && is_json {
            true => serde_json::from_slice(&body).map_err(Into::into),
            false => Err(anyhow::anyhow!("that is no export in JSON")),
        };
        sender.send(export)?;
        output.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        )?;
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
