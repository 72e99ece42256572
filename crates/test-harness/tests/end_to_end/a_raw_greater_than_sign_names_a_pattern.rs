//! `>` in a URL, as `curl` sends it: it works in each request of a connection, and no body is touched.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{peers::http::publish, server::Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};

#[tokio::test]
async fn curl_follows_all_channels_without_escapes() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        publish(server.address(), "logs.a", "hello").await?;
        let url = |path: &str| format!("http://{}{path}", server.address());
        let (poll, page) =
            (url("/poll?channel=logs.>&since=earliest&wait=0"), url("/channels/logs.>/messages"));
        // Both over one connection.
        let output = Command::new("curl").args(["-sS", &poll, &page]).output().await?;
        let answers = String::from_utf8(output.stdout)?;
        ensure!(answers.matches("hello").count() == 2, "{answers}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_body_between_two_requests_arrives_as_it_was_sent() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        let body = "GET /> HTTP/1.1\r\n\r\n<\"`>";
        let publish = format!(
            "POST /publish/a?event=<b> HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let page = "GET /channels/>/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        for byte in publish.bytes() {
            stream.write_all(&[byte]).await?;
        }
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await?;
        ensure!(answer[..read].starts_with(b"HTTP/1.1 200"), "{:?}", String::from_utf8(answer));
        stream.write_all(page.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let page = answer.split("\r\n\r\n").nth(1).context("no body")?;
        let page: serde_json::Value = serde_json::from_str(page)?;
        ensure!(page["messages"][0]["data"] == body, "{page}");
        ensure!(page["messages"][0]["event"] == "<b>", "{page}");
        Ok(())
    })
    .await
}
