//! `tidewire subscribe … | head`: it ends with its reader, not with the next message, which may never come.

use crate::program::{A_WHILE, Server, tidewire};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

#[tokio::test]
async fn a_quiet_channel_holds_nobody() {
    let server = Server::start().await;
    for wire in ["ws", "sse", "poll"] {
        let mut subscribe = tidewire(&["subscribe", "a", "--wire", wire, "--url", &server.address]);
        subscribe.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut subscribe = subscribe.spawn().unwrap();
        let mut said = BufReader::new(subscribe.stderr.take().unwrap()).lines();
        let begun = timeout(A_WHILE, said.next_line()).await.unwrap().unwrap().unwrap();
        assert!(begun.starts_with("following a at "), "{begun}");
        drop(subscribe.stdout.take());
        let status = timeout(A_WHILE, subscribe.wait()).await.expect("it goes on").unwrap();
        assert_eq!(status.code(), Some(0), "{wire}");
    }
}
