//! A takeover whose head gets stuck halfway: over a pipe in memory that holds 16 bytes.

use super::{TIME_MAX, echo};
use crate::takeover::proxied::Remote;
use crate::takeover::service::serve;
use crate::takeover::socket::{ConnectionOptions, HandoffStream};
use crate::takeover::{Handoff, HttpTimeouts, RefusalBody};
use actix_http::HttpService;
use actix_service::{ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, rt, web};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

#[actix_web::test]
async fn the_socket_is_taken_only_when_the_whole_head_is_out() {
    let (mut client, state) = handshake().await;
    let (mut head, mut taken_at) = (Vec::new(), None);
    while !head.ends_with(b"\r\n\r\n") {
        run_others().await;
        if state.get() == HandlerState::Ran {
            taken_at = taken_at.or(Some(head.len()));
        }
        head.push(timeout(TIME_MAX, client.read_u8()).await.unwrap().unwrap());
    }
    assert!(taken_at.unwrap() >= head.len() - PIPE_BYTES);
}

#[actix_web::test]
async fn bytes_sent_while_the_head_is_stuck_arrive() {
    let (mut client, state) = handshake().await;
    client.write_all(b"\x81\x80abcd").await.unwrap();
    run_others().await;
    assert_eq!(state.get(), HandlerState::Waiting);
    let mut wire = Vec::new();
    while !wire.ends_with(b"\r\n\r\n\x81\x80abcd") {
        wire.push(timeout(TIME_MAX, client.read_u8()).await.unwrap().unwrap());
    }
}

#[actix_web::test]
async fn the_closure_is_dropped_unrun_when_the_client_goes_first() {
    let (client, state) = handshake().await;
    assert_eq!(state.get(), HandlerState::Waiting);
    drop(client);
    run_others().await;
    assert_eq!(state.get(), HandlerState::Dropped);
}

#[actix_web::test]
async fn the_closure_is_dropped_unrun_when_the_client_takes_nothing_of_the_head() {
    let (mut client, state) = handshake_within(Duration::from_millis(50)).await;
    let gone = async {
        while state.get() == HandlerState::Waiting {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TIME_MAX, gone).await.expect("the head should not wait for ever");
    assert_eq!(state.get(), HandlerState::Dropped);
    client.read_exact(&mut [0; PIPE_BYTES]).await.unwrap();
    assert!(client.read_u8().await.is_err());
}

/// What became of the closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HandlerState {
    Waiting,
    Ran,
    Dropped,
}

/// Lives in the closure.
struct StateOnDrop(Rc<Cell<HandlerState>>);

impl Drop for StateOnDrop {
    fn drop(&mut self) {
        if self.0.get() == HandlerState::Waiting {
            self.0.set(HandlerState::Dropped);
        }
    }
}

/// The client's end of a pipe in which the answer to a handshake is stuck, as nothing is read.
async fn handshake() -> (DuplexStream, Rc<Cell<HandlerState>>) {
    handshake_within(TIME_MAX).await
}

/// The same, for a client that has so long to take some of the answer.
async fn handshake_within(answer_max: Duration) -> (DuplexStream, Rc<Cell<HandlerState>>) {
    let state = Rc::new(Cell::new(HandlerState::Waiting));
    let seen = Rc::clone(&state);
    let route = web::get().to(move |handoff: Handoff<DuplexStream>, payload| {
        let on_drop = StateOnDrop(Rc::clone(&seen));
        echo(handoff, payload, move || on_drop.0.set(HandlerState::Ran))
    });
    let http = HttpService::build()
        .on_connect_ext(|socket: &HandoffStream<DuplexStream>, data| {
            drop(data.insert(socket.link()))
        })
        .h1(map_config(App::new().route("/echo", route), |()| AppConfig::default()))
        .new_service(())
        .await
        .unwrap();
    let (mut client, server) = duplex(PIPE_BYTES);
    let timeouts =
        HttpTimeouts { answer: answer_max, keep_alive: answer_max, ..Default::default() };
    let options = ConnectionOptions {
        timeouts,
        ..ConnectionOptions::of(Rc::new(|_| RefusalBody::default()))
    };
    rt::spawn(serve(&http, server, Remote::default(), options));
    client.write_all(super::HANDSHAKE.as_bytes()).await.unwrap();
    run_others().await;
    (client, state)
}

/// Lets the server do all it can.
async fn run_others() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

const PIPE_BYTES: usize = 16;
