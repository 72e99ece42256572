//! What actix answers before any route is asked: a problem document like every other refusal.

use crate::common::{check_problem, within};
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::{
    peers::http::{Answer, exchange},
    server::Server,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn an_error_for_what_is_no_request_shows_one() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        for request in [
            "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
            "\u{1}\u{3}\u{16}\r\n\r\n",
        ] {
            let answer = exchange(server.address(), request.as_bytes()).await?;
            for (name, value) in
                [("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
            {
                ensure!(answer.header(name) == Some(value), "{request}: {:?}", answer.headers);
            }
            let detail = check_problem(answer, 400, "bad_request").await.context(request)?;
            ensure!(detail.contains("%3E"), "{detail}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_error_for_a_head_that_is_too_large_names_the_limits() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let lines = "X: y\r\n".repeat(97);
        let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(200_000));
        for request in [many, long] {
            let answer = exchange(server.address(), request.as_bytes()).await?;
            check_problem(answer, 431, "head_too_large").await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_head_that_does_not_end_gets_an_error() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n").await?;
        check_problem(Answer::read(stream).await?, 408, "timeout").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_answer_before_it_stays_whole() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let mut stream = TcpStream::connect(server.address()).await?;
        let both = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nnonsense\r\n\r\n";
        stream.write_all(both.as_bytes()).await?;
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await?;
        let (first, second) = answers.split_once("{\"status\":\"alive\"}").context("no answer")?;
        ensure!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
        ensure!(second.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answers}");
        ensure!(second.ends_with("\"code\":\"bad_request\"}"), "{answers}");
        Ok(())
    })
    .await
}
