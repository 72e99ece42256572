//! `publish --lines` of input with CR LF, LF, and carriage returns that end nothing.

use crate::program::{Server, run, tidewire};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

#[tokio::test]
async fn a_carriage_return_before_a_line_feed_is_part_of_the_end() {
    let server = Server::start().await;
    let mut publish = tidewire(&["publish", "a", "--lines", "--quiet", "--url", &server.address]);
    let mut publish = publish.stdin(Stdio::piped()).spawn().unwrap();
    publish.stdin.take().unwrap().write_all(b"one\r\ntwo\n50%\r100%\r\nlast\r").await.unwrap();
    assert!(publish.wait().await.unwrap().success());
    let mut history = tidewire(&["history", "a", "--format", "json", "--url", &server.address]);
    let history = run(&mut history).await;
    for data in ["\"one\"", "\"two\"", "\"50%\\r100%\"", "\"last\\r\""] {
        assert!(history.out.contains(&format!("\"data\":{data}}}\n")), "{data} in {}", history.out);
    }
}
