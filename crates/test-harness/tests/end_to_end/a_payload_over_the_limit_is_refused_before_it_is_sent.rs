//! Too many bytes: 413 at the head if that says so, else at the limit; 1009 on a WebSocket.

use crate::common::{check_problem, within};
use anyhow::{Result, ensure};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{Answer, exchange, post},
        websocket::{Frame, Socket},
    },
    server::Server,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

const LIMIT: [&str; 2] = ["--message-bytes-max", "1000"];

#[tokio::test]
async fn a_declared_length_is_refused_although_nothing_was_sent() -> Result<()> {
    within(30, async {
        let server = Server::start(&LIMIT).await?;
        for length in ["1001", "1099511627776"] {
            let head = format!(
                "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
            );
            let answer = exchange(server.address(), head.as_bytes()).await?;
            let detail = check_problem(answer, 413, "payload_too_large").await?;
            assert!(detail.contains("1000"), "{detail}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn chunks_are_refused_at_the_limit_and_not_after_all_of_them() -> Result<()> {
    within(30, async {
        let server = Server::start(&LIMIT).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        let head =
            b"POST /publish/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head).await?;
        let chunk = [&b"1f4\r\n"[..], &[b'x'; 500], b"\r\n"].concat();
        stream.write_all(&chunk.repeat(3)).await?;
        // Nothing ended the body, and yet:
        check_problem(Answer::read(stream).await?, 413, "payload_too_large").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_limit_itself_is_allowed_and_nothing_above_it_arrives() -> Result<()> {
    within(30, async {
        let server = Server::start(&LIMIT).await?;
        let mut subscriber =
            Subscriber::open(Wire::WebSocket, server.address(), &["a"], None).await?;
        let answer = post(server.address(), "/publish/a", &[], &[b'x'; 1_001]).await?;
        check_problem(answer, 413, "payload_too_large").await?;
        let mut socket = Socket::open(server.address(), "/ws?channel=a").await?;
        socket.send(Frame::binary(vec![b'x'; 1_001])).await?;
        ensure!(socket.close_code().await? == 1009);
        let answer = post(server.address(), "/publish/a", &[], &[b'y'; 1_000]).await?;
        answer.json().await?;
        ensure!(subscriber.message().await?.data == "y".repeat(1_000));
        Ok(())
    })
    .await
}
