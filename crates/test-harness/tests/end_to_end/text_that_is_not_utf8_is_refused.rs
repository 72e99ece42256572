//! Bytes that are said to be text and are not: 400 over HTTP, 1007 on a WebSocket.

use crate::common::{check_problem, within};
use anyhow::Result;
use tidewire_test_harness::{
    peers::{Subscriber, Wire, http::post, http::publish},
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn a_body_that_is_not_utf8_is_refused_unless_it_is_bytes() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json"]
        {
            let headers = [("Content-Type", content_type)];
            let answer = post(address, "/publish/a", &headers, b"\"\xC3\x28\"").await?;
            check_problem(answer, 400, "bad_data").await?;
        }
        let headers = [("Content-Type", "application/octet-stream")];
        post(address, "/publish/a", &headers, b"\xC3\x28").await?.json().await?;
        let headers = [("Content-Type", "application/json")];
        let answer = post(address, "/publish/a", &headers, b"{\"open\":").await?;
        check_problem(answer, 400, "bad_data").await?;
        let answer = post(address, "/publish", &headers, b"\xFF").await?;
        check_problem(answer, 400, "bad_request").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_websocket_is_closed_with_1007_and_nothing_is_published() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let mut subscriber = Subscriber::open(Wire::Sse, server.address(), &["a"], None).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        let request = "GET /ws?channel=a HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        // A text frame of two bytes under a mask of zeros.
        stream.write_all(b"\x81\x82\0\0\0\0\xC3\x28").await?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        let close = all.windows(4).any(|four| four[0] == 0x88 && four[2..] == [0x03, 0xEF]);
        assert!(close, "{:?}", String::from_utf8_lossy(&all));
        publish(server.address(), "a", "fine").await?;
        assert_eq!(subscriber.message().await?.data, "fine");
        Ok(())
    })
    .await
}
