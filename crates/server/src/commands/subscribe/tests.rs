//! Following a server that is cut off, and one that refuses.

use super::*;
use crate::commands::script;
use std::{future::pending, time::Duration};
use tidewire_client::Client;
use tokio::{net::TcpListener, time::timeout};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n";

/// Follows `a` at a server that gives these answers, one a connection; returns the result, standard output,
/// standard error and the requests.
async fn followed(
    answers: &[String],
    count: u64,
) -> (Result<(), String>, String, String, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let deliveries = client.subscribe_raw(["a"]).since(Since::Earliest).wire(Wire::Stream).stream();
    let (mut out, mut err, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    let printer = Printer::new(Format::Text, &["a".into()], &mut out, &mut err);
    let serve = async {
        script::serve(&listener, answers, &mut asked).await;
        pending::<()>().await
    };
    let result = select! {
        result = timeout(Duration::from_secs(10), follow(deliveries, printer, count, "begun")) => result,
        () = serve => unreachable!(),
    };
    let result = result.unwrap().map_err(|error| format!("{error:#}"));
    (result, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), asked)
}

#[tokio::test]
async fn printing_goes_on_behind_the_last_message_after_the_connection_is_lost() {
    let message = |offset| {
        format!(r#"{{"channel":"a","position":"k-{offset}","time":0,"data":"{offset}"}}"#) + "\n"
    };
    let gap = r#"{"type":"gap","channel":"a","from":"k-2","to":"k-8"}"#.to_owned() + "\n";
    let answers = [
        [HEAD, &message(1), &message(2)].concat(),
        [HEAD, &gap, &message(9), &message(10), &message(11)].concat(),
    ];
    let (result, out, err, asked) = followed(&answers, 4).await;
    assert_eq!(result, Ok(()));
    assert_eq!(out, "1\n2\n9\n10\n");
    let (lost, gone) = err.split_once('\n').unwrap();
    assert!(lost.starts_with("tidewire: connection lost, retrying ("), "{lost}");
    assert_eq!(gone, "gap: messages between k-2 and k-8 are lost (a)\n");
    assert_eq!(
        asked,
        [
            "GET /stream?channel=a&since=earliest&format=json HTTP/1.1",
            "GET /stream?channel=a&since=k-2&format=json HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn a_refusal_ends_it_in_the_servers_words() {
    let problem = r#"{"title":"Not a channel","status":400,"detail":"`a`","code":"bad_channel"}"#;
    let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n\r\n";
    let (result, out, err, _) = followed(&[[head, problem].concat()], 1).await;
    let expected = "the server refused the subscription: Not a channel: `a`";
    assert_eq!((result, &*out, &*err), (Err(expected.into()), "", ""));
}
