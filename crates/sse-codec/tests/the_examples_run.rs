//! Each example against a server that is made up, and beside what it looks like with another crate: both see the same.
//! `peer_reconnect` is built, but not run here.

#![allow(clippy::unwrap_used, dead_code, reason = "a test may, and leaves each `main` alone")]

use futures_util::TryStreamExt as _;
use std::future::Future;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[path = "../examples/anthropic.rs"]
mod anthropic;
#[path = "../examples/curl.rs"]
mod curl;
#[path = "../examples/openai.rs"]
mod openai;
#[path = "../examples/peer_openai.rs"]
mod peer_openai;
#[path = "../examples/peer_prices.rs"]
mod peer_prices;
#[path = "../examples/prices.rs"]
mod prices;
#[path = "../examples/reconnect.rs"]
mod reconnect;

/// Runs `client` against a server that sends those answers, one a connection. Returns the heads of its requests.
async fn with_server<F: Future<Output = ()>>(
    answers: Vec<String>,
    client: impl FnOnce(String) -> F,
) -> Vec<String> {
    // Another crate of the workspace may have given reqwest TLS without a provider, and then every client needs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let heads = Mutex::new(Vec::new());
    let server = async {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            // What is left unread may take the answer with it.
            let lengths = head.lines().filter_map(|line| line.strip_prefix("content-length: "));
            let length: usize = lengths.map(|length| length.parse::<usize>().unwrap()).sum();
            socket.read_exact(&mut vec![0; length]).await.unwrap();
            heads.lock().unwrap().push(head);
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    };
    tokio::join!(server, client(base));
    heads.into_inner().unwrap()
}

fn stream(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n{body}")
}

/// What is said, one piece after the other.
fn listener() -> (Arc<Mutex<String>>, impl FnMut(&str)) {
    let said = Arc::<Mutex<String>>::default();
    (said.clone(), move |piece: &str| said.lock().unwrap().push_str(piece))
}

const TOKENS: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"Salt\"}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\" rain.\"}}]}\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn tokens_of_openai() {
    let answer = stream(TOKENS);
    let ((ours, ask), (theirs, peer)) = (listener(), listener());
    let heads = with_server(vec![answer.clone(), answer], |base| async move {
        openai::ask(&base, "Why?", ask).await.unwrap();
        peer_openai::ask(&base, "Why?", peer).await.unwrap();
    });
    let heads = heads.await;
    assert!(heads[0].starts_with("POST /chat/completions HTTP/1.1\r\n"), "{}", heads[0]);
    assert_eq!((&**ours.lock().unwrap(), &**theirs.lock().unwrap()), ("Salt rain.", "Salt rain."));
}

#[tokio::test]
async fn tokens_of_anthropic() {
    let delta = |text| {
        format!("event: content_block_delta\ndata: {{\"delta\":{{\"text\":\"{text}\"}}}}\n\n")
    };
    let body = [
        "event: message_start\ndata: {}\n\n",
        &delta("Salt"),
        &delta(" rain."),
        "event: message_stop\ndata: {}\n\n",
    ];
    let failed = stream("event: error\ndata: {\"error\":\"overloaded\"}\n\n");
    let (said, ask) = listener();
    let heads = with_server(vec![stream(&body.concat()), failed], |base| async move {
        anthropic::ask(&base, "Why?", ask).await.unwrap();
        let error = anthropic::ask(&base, "Why?", |_| {}).await.unwrap_err();
        assert_eq!(error.to_string(), "{\"error\":\"overloaded\"}");
    });
    let heads = heads.await;
    assert!(heads[0].starts_with("POST /v1/messages HTTP/1.1\r\n"), "{}", heads[0]);
    assert_eq!(*said.lock().unwrap(), "Salt rain.");
}

#[tokio::test]
async fn a_stream_of_prices() {
    let answer = stream("data: 1.5\n\ndata: closed\n\ndata: 2\n\n");
    let heads = with_server(vec![answer.clone(), answer], |base| async move {
        let ours: Vec<f64> =
            prices::prices(base.clone()).await.unwrap().try_collect().await.unwrap();
        let theirs: Vec<f64> =
            peer_prices::prices(base.clone()).await.unwrap().try_collect().await.unwrap();
        assert_eq!((&ours, &theirs), (&vec![1.5, 2.0], &vec![1.5, 2.0]));
    });
    assert_eq!(heads.await.len(), 2);
}

#[tokio::test]
async fn a_client_that_comes_back() {
    let first = stream("retry: 100\nid: 7\ndata: a\n\ndata: half");
    let second = stream("data: b\n\n");
    let gone = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned();
    let (said, say) = listener();
    let answers = vec![first, second, gone];
    let heads = with_server(answers, |base| async move {
        reconnect::follow(base, say).await.unwrap();
    });
    let heads = heads.await;
    assert_eq!(*said.lock().unwrap(), "ab");
    for (number, head) in heads.iter().enumerate() {
        assert_eq!(head.contains("last-event-id: 7\r\n"), number > 0, "{number}: {head}");
    }
}

#[test]
fn the_output_of_curl() {
    let mut output = Vec::new();
    let input = &b"retry: 250\ndata: a\n\nid: 7\nevent: said\ndata: b\n\n: comment\n"[..];
    curl::print(input, &mut output).unwrap();
    assert_eq!(output, b"reconnect after 250ms\nmessage: a\n7 said: b\n");
}
