//! `Expect: 100-continue` with a length over the limit: the 413 comes in place of the word to go on.

use crate::common::{check_problem, within};
use anyhow::{Result, ensure};
use tidewire_test_harness::{
    peers::http::{Answer, exchange},
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

fn announcing(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_asked_for() -> Result<()> {
    within(30, async {
        let arguments = ["--message-bytes-max", "1KiB", "--batch-bytes-max", "2KiB"];
        let server = Server::start(&arguments).await?;
        for (path, length) in
            [("/publish/a", 1_025), ("/publish/a%2Db", 5_000), ("/publish", 2_049)]
        {
            let answer = exchange(server.address(), announcing(path, length).as_bytes()).await?;
            let detail = check_problem(answer, 413, "payload_too_large").await?;
            ensure!(detail.contains("at most"), "{detail}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_body_that_is_not_is_asked_for_and_published() -> Result<()> {
    within(30, async {
        let server = Server::start(&["--message-bytes-max", "1KiB"]).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        stream.write_all(announcing("/publish/a", 1_024).as_bytes()).await?;
        let mut word = [0; 25];
        stream.read_exact(&mut word).await?;
        ensure!(word == *b"HTTP/1.1 100 Continue\r\n\r\n", "{}", String::from_utf8_lossy(&word));
        stream.write_all(&[b'x'; 1_024]).await?;
        let answer = Answer::read(stream).await?.json().await?;
        ensure!(answer["position"].is_string(), "{answer}");
        Ok(())
    })
    .await
}
