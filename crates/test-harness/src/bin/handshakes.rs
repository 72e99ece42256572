//! What a TLS handshake costs the server, in time of its processor.

use anyhow::{Result, ensure};
use clap::Parser;
use std::time::Duration;
use tidewire_test_harness::{
    load::{raise_descriptor_limit, thread_times},
    server::Server,
    tls::{Certificates, Client, rustls::HandshakeKind},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Measure the processor time of TLS handshakes, with one request each, less that of the request
#[derive(Debug, Parser)]
struct Arguments {
    /// Handshakes of each kind
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let count = Arguments::parse().count;
    raise_descriptor_limit()?;
    let certificates = Certificates::new()?;
    let plain = Server::start(&["--workers", "1"]).await?;
    let server = certificates.serve(&["--workers", "1"]).await?;
    let before = ran(&plain)?;
    for _ in 0..count {
        let mut socket = tokio::net::TcpStream::connect(plain.address()).await?;
        socket.write_all(REQUEST).await?;
        socket.read_to_end(&mut Vec::new()).await?;
    }
    let request = (ran(&plain)? - before) / count;
    println!("{:<28} {:>12} {:>24}", "P-256, TLS 1.3", "CPU, us", "a second on one core");
    println!("{:<28} {:>12.1}", "a connection and a request", request.as_secs_f64() * 1e6);
    let known = certificates.client()?;
    ask(&known, &server).await?;
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let before = ran(&server)?;
        for _ in 0..count {
            // A client without a memory cannot resume.
            let new;
            let client = match kind {
                HandshakeKind::Resumed => &known,
                _ => {
                    new = certificates.client()?;
                    &new
                }
            };
            let found = ask(client, &server).await?;
            ensure!(found == kind, "a handshake was {found:?}, not {kind:?}");
        }
        let each = ((ran(&server)? - before) / count).saturating_sub(request);
        let microseconds = each.as_secs_f64() * 1e6;
        println!("{:<28} {microseconds:>12.1} {:>24.0}", format!("{kind:?}"), 1e6 / microseconds);
    }
    Ok(())
}

async fn ask(client: &Client, server: &Server) -> Result<HandshakeKind> {
    let mut stream = client.connect(server.address()).await?;
    stream.write_all(REQUEST).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    let kind = stream.get_ref().1.handshake_kind();
    kind.ok_or_else(|| anyhow::anyhow!("the handshake has not ended"))
}

/// What all threads of a server have had of the processors.
fn ran(server: &Server) -> Result<Duration> {
    Ok(thread_times(server.id()?)?.values().map(|times| times.ran).sum())
}

const REQUEST: &[u8] = b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n";
