//! A request that says `Connection: close` is the last: what was sent after it is not executed.

use crate::common::within;
use anyhow::{Result, ensure};
use tidewire_test_harness::{peers::http::get, server::Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn nothing_is_done_after_the_last_request() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let publish = "POST /publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";
        let lasts = [
            "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "GET /health/live HTTP/1.0\r\n\r\n",
            "POST /publish/b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: 1\r\n\r\ny",
            "OPTIONS / HTTP/1.1\r\nHost: localhost\r\nconnection: x, CLOSE\r\n\r\n",
        ];
        for last in lasts {
            for behind in [publish, "nonsense\r\n\r\n"] {
                let mut stream = TcpStream::connect(server.address()).await?;
                stream.write_all(format!("{last}{behind}").as_bytes()).await?;
                let mut answers = String::new();
                stream.read_to_string(&mut answers).await?;
                ensure!(answers.matches("HTTP/1.").count() == 1, "{last}{behind}: {answers}");
                ensure!(answers.starts_with("HTTP/1.") && answers.contains(" 20"), "{answers}");
            }
        }
        let page = get(server.address(), "/channels/a/messages", &[]).await?.json().await?;
        ensure!(page["messages"].as_array().is_some_and(Vec::is_empty), "{page}");
        Ok(())
    })
    .await
}
