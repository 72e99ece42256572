//! Pages from a script, newest first, and what is printed of them.

use super::*;
use crate::commands::script;
use clap::{Parser, error::ErrorKind};
use std::time::Duration;
use tokio::{net::TcpListener, time::timeout};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    history: HistoryCommand,
}

/// Runs the command against a server that answers with these pages; returns standard output, standard error and
/// the requests.
async fn printed(arguments: &str, pages: &[String]) -> (String, String, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let cli = Cli::parse_from(["history"].into_iter().chain(arguments.split(' ')));
    let (mut out, mut err, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    let printer = Printer::new(Format::Text, &["a".into()], &mut out, &mut err);
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let answers: Vec<String> = pages.iter().map(|page| [head, page].concat()).collect();
    let serve = script::serve(&listener, &answers, &mut asked);
    let both = async { tokio::join!(cli.history.print(&client, printer), serve) };
    timeout(Duration::from_secs(10), both).await.unwrap().0.unwrap();
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), asked)
}

fn page(offsets: &[u64], rest: &str) -> String {
    let message = |offset: &u64| {
        format!(r#"{{"channel":"a","position":"k-{offset}","time":0,"data":"{offset}"}}"#)
    };
    let messages: Vec<String> = offsets.iter().map(message).collect();
    let before = offsets.first().unwrap();
    let messages = messages.join(",");
    format!(r#"{{"messages":[{messages}],"position":"k-9","before":"k-{before}"{rest}}}"#)
}

#[tokio::test]
async fn pages_are_printed_the_oldest_message_first() {
    let gap = r#","gaps":[{"type":"gap","channel":"a","from":"k-0","to":"k-2"}]"#;
    let pages = [page(&[5, 6], r#","more":true"#), page(&[3, 4], gap)];
    let (out, err, asked) = printed("a --since @7 --limit 5", &pages).await;
    assert_eq!(out, "3\n4\n5\n6\n");
    assert_eq!(err, "gap: messages between k-0 and k-2 are lost (a)\n");
    assert_eq!(
        asked,
        [
            "GET /channels/a/messages?since=%407&before=now&limit=5 HTTP/1.1",
            "GET /channels/a/messages?since=%407&before=k-5&limit=3 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn what_the_limit_leaves_out_is_reported() {
    let (out, err, asked) = printed("a --limit 2", &[page(&[5, 6], r#","more":true"#)]).await;
    assert_eq!((&*out, &*err), ("5\n6\n", "tidewire: there are older messages: --before k-5\n"));
    assert_eq!(asked, ["GET /channels/a/messages?before=now&limit=2 HTTP/1.1"]);
}

#[test]
fn a_place_that_is_none_is_refused() {
    let error = Cli::try_parse_from(["history", "a", "--before", "noon"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueValidation);
}
