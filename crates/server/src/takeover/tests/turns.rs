//! Connections that wait for their turn: how many are served in a round, and how they end.

use super::{Client, Running, TIME_MAX};
use crate::in_flight::InFlight;
use crate::request_turns::RequestTurns;
use crate::takeover::proxied::Remote;
use crate::takeover::service::serve;
use crate::takeover::socket::{ConnectionOptions, HandoffStream};
use crate::takeover::{HttpTimeouts, RefusalBody};
use actix_http::HttpService;
use actix_service::{ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, HttpResponse, rt, web};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[actix_web::test]
async fn however_many_requests_have_come_a_round_serves_sixteen() {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&most);
    let server = Running::in_turns(1, TIME_MAX * 2, move |served| {
        let (turns, seen, served) =
            (RequestTurns::by_rounds(), Arc::clone(&seen), Arc::clone(served));
        let rounds = turns.clone();
        rt::spawn(async move {
            loop {
                let before = served.load(Ordering::Relaxed);
                rounds.begin_round();
                tokio::task::yield_now().await;
                seen.fetch_max(served.load(Ordering::Relaxed) - before, Ordering::Relaxed);
            }
        });
        turns
    });
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(Client(TcpStream::connect(server.address).await.unwrap()));
    }
    for _ in 0..3 {
        for client in &mut clients {
            client.send(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").await;
        }
        for client in &mut clients {
            client.head().await;
            assert_eq!(client.take(5).await, b"plain");
        }
    }
    let most = most.load(Ordering::Relaxed);
    assert!((1..=16).contains(&most), "{most} in one round");
    server.stop(false).await;
}

#[actix_web::test]
async fn a_head_that_waits_for_a_turn_is_timed_all_the_same() {
    let turns = RequestTurns::by_rounds();
    let request_head = Duration::from_millis(50);
    let mut client = connection(&turns, request_head).await;
    client.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(TIME_MAX, client.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(!is_waited_for(&turns), "it has left the queue");
}

#[actix_web::test]
async fn a_large_answer_takes_a_turn_for_each_64_kib() {
    let turns = RequestTurns::by_rounds();
    let mut client = connection(&turns, TIME_MAX).await;
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let (mut answer, mut rounds) = (Vec::new(), 0);
    let reading = timeout(TIME_MAX, async {
        while answer.len() < LARGE {
            client.read_buf(&mut answer).await.unwrap();
        }
    });
    let giving = async {
        loop {
            turns.begin_round();
            rounds += 1;
            // Others leave it no more than the one for which it is called.
            let mut others: Vec<_> = (0..16).map(|_| turns.claim()).collect();
            for other in &mut others {
                if other.poll(&Context::from_waker(Waker::noop())).is_ready() {
                    other.end();
                }
            }
            drop(others);
            while !is_waited_for(&turns) {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::select! {
        () = giving => {}
        read = reading => read.unwrap(),
    }
    assert!(answer.ends_with(&[b'x'; LARGE / 2]), "{} bytes", answer.len());
    assert!(rounds >= LARGE / (64 << 10), "all in {rounds} rounds");
}

#[actix_web::test]
async fn an_answer_that_waits_for_a_turn_counts_as_unsent() {
    let (turns, accounts) = (RequestTurns::by_rounds(), InFlight::new(64 << 20, 64 << 20));
    let mut client = ask_in_a_round_of_others(&turns, &accounts).await;
    while accounts.output.held() < LARGE {
        tokio::task::yield_now().await;
    }
    turns.begin_round();
    read_large_answer(&mut client).await;
    assert_eq!(accounts.output.held(), 0);
}

#[actix_web::test]
async fn an_answer_that_finds_no_room_to_wait_is_written_without_a_turn() {
    // It is more than a quarter of the account, which one connection may have.
    let (turns, accounts) = (RequestTurns::by_rounds(), InFlight::new(64 << 20, 1 << 20));
    let mut client = ask_in_a_round_of_others(&turns, &accounts).await;
    read_large_answer(&mut client).await;
}

/// A client whose large answer is there once others have taken all turns of a round.
async fn ask_in_a_round_of_others(turns: &RequestTurns, accounts: &InFlight) -> DuplexStream {
    turns.begin_round();
    let mut client = connection_with(turns, TIME_MAX, accounts, 1 << 20).await;
    client.write_all(b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    while !LATER.with(Cell::get) {
        tokio::task::yield_now().await;
    }
    turns.begin_round();
    for _ in 0..16 {
        let mut other = turns.claim();
        assert!(other.poll(&Context::from_waker(Waker::noop())).is_ready());
        other.end();
    }
    LATER.set(false);
    client
}

/// Reads the whole answer.
async fn read_large_answer(client: &mut DuplexStream) {
    let mut answer = Vec::new();
    let reading = timeout(TIME_MAX, async {
        while !answer.ends_with(&[b'x'; LARGE]) {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "cut off");
        }
    });
    reading.await.unwrap();
}

async fn connection(turns: &RequestTurns, request_head: Duration) -> DuplexStream {
    let accounts = InFlight::new(64 << 20, 64 << 20);
    // A socket takes about as much at a time.
    connection_with(turns, request_head, &accounts, 64 << 10).await
}

/// The client's end of a connection that takes its turns from `turns`.
async fn connection_with(
    turns: &RequestTurns,
    request_head: Duration,
    accounts: &InFlight,
    pipe_bytes: usize,
) -> DuplexStream {
    let app = App::new()
        .route("/large", web::get().to(|| async { HttpResponse::Ok().body("x".repeat(LARGE)) }))
        .route("/later", web::get().to(later))
        .default_service(web::to(HttpResponse::NoContent));
    let http = HttpService::build()
        .on_connect_ext(|socket: &HandoffStream<DuplexStream>, data| {
            drop(data.insert(socket.link()))
        })
        .h1(map_config(app, |()| AppConfig::default()))
        .new_service(())
        .await
        .unwrap();
    let (client, server) = duplex(pipe_bytes);
    let timeouts =
        HttpTimeouts { request_head, keep_alive: 2 * TIME_MAX, ..HttpTimeouts::default() };
    let options = ConnectionOptions {
        timeouts,
        turns: turns.clone(),
        accounts: accounts.clone(),
        ..ConnectionOptions::of(Rc::new(|_| RefusalBody::default()))
    };
    rt::spawn(serve(&http, server, Remote::default(), options));
    client
}

/// A large answer, once the test has seen that it was asked for.
async fn later() -> HttpResponse {
    LATER.set(true);
    while LATER.with(Cell::get) {
        tokio::task::yield_now().await;
    }
    HttpResponse::Ok().body("x".repeat(LARGE))
}

fn is_waited_for(turns: &RequestTurns) -> bool {
    turns.poll(&Context::from_waker(Waker::noop())).is_ready()
}

thread_local! {
    static LATER: Cell<bool> = const { Cell::new(false) };
}

/// More than a quarter of the account.
const LARGE: usize = 300_000;
