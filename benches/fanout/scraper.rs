//! Reads the metrics of a server: once a second as Prometheus does, and at the end for what it has counted.

use anyhow::{Context as _, Result, ensure};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What scrapes until it is ended.
pub(crate) struct Scraper {
    end: mpsc::Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Scraper {
    /// Begins with a scrape.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let (end, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            loop {
                scrape(address)?;
                if ended.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return Ok(());
                }
            }
        });
        Self { end, thread }
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// A scrape has failed.
    pub(crate) fn end(self) -> Result<()> {
        drop(self.end);
        self.thread.join().map_err(|_| anyhow::anyhow!("the scraper has panicked"))?
    }
}

/// How many deliveries a server has counted.
///
/// # Errors
///
/// It does not answer, or not with metrics.
pub(crate) fn deliveries(address: SocketAddr) -> Result<u64> {
    let text = scrape(address)?;
    let lines = text.lines().filter(|line| line.starts_with("tidewire_deliveries_total{"));
    let values = lines.map(|line| {
        let (_, value) = line.rsplit_once(' ').context("no value")?;
        Ok(value.parse::<u64>()?)
    });
    let values: Vec<u64> = values.collect::<Result<_>>()?;
    ensure!(!values.is_empty(), "the server shows no deliveries");
    Ok(values.iter().sum())
}

fn scrape(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{}", answer.lines().next().unwrap_or_default());
    Ok(answer)
}

/// As often as `$sys.stats`, and more often than Prometheus does by default.
const INTERVAL: Duration = Duration::from_secs(1);
