//! Many clients that take no answer: the greediest are cut off, and an answer that finds no room is not begun.

use crate::common::{check_problem, let_go_of, sockets, within};
use anyhow::{Context as _, Result, ensure};
use std::time::{Duration, Instant};
use tidewire_test_harness::{
    load::anonymous_bytes,
    peers::http::{get, publish, publish_all},
    server::Server,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

#[tokio::test]
async fn answers_that_nobody_takes_are_bounded_together() -> Result<()> {
    within(90, async {
        let server = Server::start(&["--workers", "1", "--output-bytes-max", "16MiB"]).await?;
        publish(server.address(), "h", &"x".repeat(900_000)).await?;
        let (before, idle) = (anonymous_bytes(server.id()?)?, sockets(&server)?);
        let clients = ask_and_read_nothing(&server, CLIENTS).await?;
        // Each has an answer that it does not take, or is cut off: before, the server may not have accepted it.
        for client in &clients {
            client.readable().await?;
        }
        let_go_of(&server, idle + CLIENTS / 2, Duration::from_secs(40)).await?;
        ensure!(sockets(&server)? > idle, "all are cut off");
        // Others get what they ask for, as they hold less.
        let answer = get(server.address(), "/channels/none/messages", &[]).await?;
        ensure!(answer.status == 200, "answered with {}", answer.status);
        let grown = anonymous_bytes(server.id()?)?.saturating_sub(before);
        ensure!(grown < 48 << 20, "{} KiB are held", grown >> 10);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_answer_that_finds_no_room_is_not_begun() -> Result<()> {
    within(90, async {
        let arguments =
            ["--workers", "1", "--output-bytes-max", "16MiB", "--gather-bytes-max", "4MiB"];
        let server = Server::start(&arguments).await?;
        publish_all(server.address(), (0..100).map(|_| ("h", "x".repeat(1_000)))).await?;
        let _clients = ask_and_read_nothing(&server, 200).await?;
        let start = Instant::now();
        let answer = loop {
            let answer = get(server.address(), "/channels/h/messages", &[]).await?;
            if answer.status != 200 {
                break answer;
            }
            ensure!(start.elapsed() < Duration::from_secs(30), "every answer finds room");
            sleep(Duration::from_millis(50)).await;
        };
        ensure!(answer.header("retry-after").is_some(), "{answer:?}");
        let detail = check_problem(answer, 503, "unavailable").await?;
        ensure!(detail.contains("output_bytes_max"), "{detail}");
        ensure!(get(server.address(), "/health/live", &[]).await?.status == 200);
        Ok(())
    })
    .await
}

/// `count` connections, on each of which a hundred pages are asked for and nothing is read.
async fn ask_and_read_nothing(server: &Server, count: usize) -> Result<Vec<TcpStream>> {
    let request = "GET /channels/h/messages HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let mut clients = Vec::new();
    for _ in 0..count {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(8 << 10)?;
        let mut client = socket.connect(server.address()).await?;
        let write = timeout(Duration::from_secs(20), client.write_all(request.as_bytes()));
        write.await.context("the requests are not taken")??;
        clients.push(client);
    }
    Ok(clients)
}

const CLIENTS: usize = 80;
