//! `ws-frame` as a client against actix-ws: an echo of every length at which the header changes.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::peers::echo::EchoServer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use ws_frame::{
    Decoder, Event, HandshakeKey, Limits, Role, encode_binary, encode_close, encode_text,
};

/// Our client role over a socket: what arrives, message by message.
struct Client {
    stream: TcpStream,
    decoder: Decoder,
    buffer: Vec<u8>,
    message: Vec<u8>,
}

impl Client {
    async fn connect(server: &EchoServer) -> Result<Self> {
        let mut stream = TcpStream::connect(server.address()).await?;
        let key = HandshakeKey::from_random([7; 16]);
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            key.as_str()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = Vec::new();
        let end = loop {
            ensure!(stream.read_buf(&mut buffer).await? > 0, "the handshake broke off");
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head: Vec<u8> = buffer.drain(..end).collect();
        let head = String::from_utf8(head)?.to_lowercase();
        ensure!(head.starts_with("http/1.1 101"), "{head}");
        ensure!(head.contains(&key.accept().to_lowercase()), "{head}");
        Ok(Self { stream, decoder: Decoder::new(Role::Client), buffer, message: Vec::new() })
    }

    /// The next message, or `None` at a close.
    async fn message(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let all = self.buffer.len();
            let mut input = &mut self.buffer[..];
            let event = self.decoder.decode(&mut input, &Limits::default())?;
            let outcome = match event {
                Some(Event::Text(text)) => Some(Some(text.as_bytes().to_vec())),
                Some(Event::Binary(bytes)) => Some(Some(bytes.to_vec())),
                Some(Event::Piece(piece)) => {
                    self.message.extend_from_slice(piece.payload);
                    piece.part.ends().then(|| Some(std::mem::take(&mut self.message)))
                }
                Some(Event::Close(_)) => Some(None),
                Some(Event::Ping(_) | Event::Pong(_)) => None,
                None => {
                    let left = input.len();
                    self.buffer.drain(..all - left);
                    let read = self.stream.read_buf(&mut self.buffer).await?;
                    ensure!(read > 0, "it ended without a close");
                    continue;
                }
            };
            let left = input.len();
            self.buffer.drain(..all - left);
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
    }
}

#[tokio::test]
async fn our_client_role_understands_another_server() -> Result<()> {
    within(30, async {
        let server = EchoServer::start().context("the echo server")?;
        let mut client = Client::connect(&server).await?;
        let mut output = Vec::new();
        let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 100_000];
        for (mask, length) in (1..).zip(lengths) {
            encode_text(&"é".repeat(length / 2), Some([mask; 4]), &mut output);
            encode_binary(&vec![mask; length], Some([0, mask, 255, 1]), &mut output);
        }
        client.stream.write_all(&output).await?;
        for (mask, length) in (1..).zip(lengths) {
            assert_eq!(client.message().await?, Some("é".repeat(length / 2).into_bytes()));
            assert_eq!(client.message().await?, Some(vec![mask; length]));
        }
        output.clear();
        encode_close(None, Some([1, 2, 3, 4]), &mut output)?;
        client.stream.write_all(&output).await?;
        assert_eq!(client.message().await?, None);
        Ok(())
    })
    .await
}
