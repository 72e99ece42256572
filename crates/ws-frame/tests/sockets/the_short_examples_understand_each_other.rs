//! The shortest examples, as they stand: each client with each server.

use std::net::TcpListener;
use std::thread;

#[path = "../../examples/blocking_client.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod blocking_client;
#[path = "../../examples/blocking_echo.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod blocking_echo;
#[path = "../../examples/tokio_client.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod tokio_client;
#[path = "../../examples/tokio_echo.rs"]
#[expect(dead_code, reason = "`main` is for `cargo run`")]
mod tokio_echo;

#[tokio::test]
async fn the_server_of_tokio_answers_both_clients() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let serve = async {
        for _ in 0..2 {
            tokio_echo::echo(listener.accept().await.unwrap().0).await.unwrap();
        }
    };
    let blocking_url = url.clone();
    let blocking = thread::spawn(move || blocking_client::hello(&blocking_url));
    let (_served, said) = tokio::join!(serve, tokio_client::hello(&url));
    said.unwrap();
    blocking.join().unwrap().unwrap();
}

#[tokio::test]
async fn the_server_of_threads_answers_both_clients() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..2 {
            blocking_echo::echo(listener.accept().unwrap().0).unwrap();
        }
    });
    tokio_client::hello(&url).await.unwrap();
    blocking_client::hello(&url).unwrap();
    server.join().unwrap();
}
