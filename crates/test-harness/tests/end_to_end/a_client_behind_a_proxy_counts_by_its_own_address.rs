//! Behind listed proxies each client has an address of its own: by a header, and by the PROXY protocol, also before TLS.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use tidewire_test_harness::{
    http2::{h2, http},
    server::Server,
    tls::Certificates,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

/// Publishes with a message id, of which each address may have one. Returns the status.
async fn publish(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    opening: &[u8],
    id: &str,
    headers: &str,
) -> Result<String> {
    let head =
        format!("POST /publish/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}");
    let request = format!("{head}Idempotency-Key: {id}\r\nContent-Length: 1\r\n\r\n0");
    stream.write_all(&[opening, request.as_bytes()].concat()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    Ok(if status == "400" { answer } else { status.to_owned() })
}

/// Asks for what is for operators.
async fn read_metrics(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    opening: &[u8],
) -> Result<String> {
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(&[opening, request].concat()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// A connection from another address of this machine, which is no listed proxy.
async fn from_elsewhere(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, 9), 0).into())?;
    Ok(socket.connect(address).await?)
}

#[tokio::test]
async fn a_header_of_a_listed_proxy_names_the_client_and_one_of_another_does_not() -> Result<()> {
    within(30, async {
        let limits = ["--publisher-ids-max", "1", "--trusted-proxies", "127.0.0.1"];
        let server = Server::start(&limits).await?;
        let address = server.address();
        for (id, forwarded, expected) in [
            ("a", "192.0.2.1", "200"),
            ("b", "192.0.2.1", "429"),
            ("c", "192.0.2.2", "200"),
            // What the client wrote itself is on the left.
            ("d", "192.0.2.3, 192.0.2.2", "429"),
            ("e", "2001:db8::1", "200"),
            ("f", "2001:db8::2", "429"),
        ] {
            let headers = format!("X-Forwarded-For: {forwarded}\r\nForwarded: for=192.0.2.99\r\n");
            let stream = TcpStream::connect(address).await?;
            let status = publish(stream, b"", id, &headers).await?;
            ensure!(status == expected, "{id}: {status}");
        }
        for (id, expected) in [("g", "200"), ("h", "429")] {
            let headers = format!("X-Forwarded-For: 203.0.113.{}\r\n", id.len() + 7);
            let status = publish(from_elsewhere(address).await?, b"", id, &headers).await?;
            ensure!(status == expected, "{id} of a stranger: {status}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_header_of_the_proxy_protocol_names_the_client_also_before_tls() -> Result<()> {
    within(30, async {
        let certificates = Certificates::new()?;
        let listen = "proxy+http://127.0.0.1:0,proxy+https://127.0.0.1:0";
        let limits =
            ["--listen", listen, "--publisher-ids-max", "1", "--trusted-proxies", "127.0.0.1"];
        let server = certificates.serve(&limits).await?;
        let (plain, tls) = (address(&server, "http").await?, address(&server, "https").await?);
        let v1 = |client: &str| format!("PROXY TCP4 {client} 127.0.0.1 5 80\r\n").into_bytes();
        let mut v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        v2.extend([192, 0, 2, 1, 127, 0, 0, 1, 0, 5, 0, 80]);
        let unknown = || b"PROXY UNKNOWN\r\n".to_vec();
        for (id, opening, headers, expected) in [
            ("a", v1("192.0.2.1"), "", "200"),
            ("b", v2, "", "429"),
            ("c", v1("192.0.2.2"), "", "200"),
            ("d", unknown(), "", "200"),
            ("e", unknown(), "", "429"),
            // Nobody knows who wrote it.
            ("e2", unknown(), "X-Forwarded-For: 192.0.2.9\r\n", "429"),
        ] {
            let status = publish(TcpStream::connect(plain).await?, &opening, id, headers).await?;
            ensure!(status == expected, "{id}: {status}");
        }
        // A client of the proxy is no program on this machine.
        for opening in [unknown(), v1("127.0.0.1")] {
            let stream = TcpStream::connect(plain).await?;
            let answer = read_metrics(stream, &opening).await?;
            ensure!(answer.starts_with("HTTP/1.1 403") && answer.contains("PROXY"), "{answer}");
            let mut stream = TcpStream::connect(tls).await?;
            stream.write_all(&opening).await?;
            let client = certificates.client()?;
            let answer = read_metrics(client.shake_hands(stream).await?, b"").await?;
            ensure!(answer.starts_with("HTTP/1.1 403"), "over TLS: {answer}");
            let mut stream = TcpStream::connect(tls).await?;
            stream.write_all(&opening).await?;
            let stream = client.offering_http2().shake_hands(stream).await?;
            let (mut requests, connection) = h2::client::handshake(stream).await?;
            tokio::spawn(connection);
            let request = http::Request::get("https://localhost/metrics").body(())?;
            let status = requests.send_request(request, true)?.0.await?.status();
            ensure!(status == 403, "over HTTP/2: {status}");
        }
        let mut stream = TcpStream::connect(tls).await?;
        // In two parts, with nothing of TLS behind: the rest of the header has to be waited for.
        let header = v1("192.0.2.2");
        let (first, rest) = header.split_at(9);
        stream.write_all(first).await?;
        tokio::task::yield_now().await;
        stream.write_all(rest).await?;
        let stream = certificates.client()?.shake_hands(stream).await?;
        let status = publish(stream, b"", "f", "").await?;
        ensure!(status == "429", "over TLS: {status}");
        // Without the header, and from elsewhere with it.
        let answer = publish(TcpStream::connect(plain).await?, b"", "g", "").await?;
        ensure!(answer.contains("This port needs a header of the PROXY protocol"), "{answer}");
        let answer = publish(from_elsewhere(plain).await?, b"", "h", "").await?;
        ensure!(answer.contains("This port is for proxies that trusted_proxies lists"), "{answer}");
        for line in ["Have the proxy send the PROXY protocol", "add its address to trusted_proxies"]
        {
            while !server.output().text().contains(line) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
        Ok(())
    })
    .await
}

/// Where the server listens for proxies by this scheme.
async fn address(server: &Server, scheme: &str) -> Result<SocketAddr> {
    let begin = format!("listening on {scheme}://");
    let is_behind = |line: &&str| line.ends_with(" (after a header of the PROXY protocol)");
    loop {
        let text = server.output().text();
        let mut lines = text.lines().filter(is_behind).filter_map(|line| line.strip_prefix(&begin));
        if let Some(line) = lines.next() {
            return Ok(line.split(' ').next().context("no address")?.parse()?);
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
