//! What a command did goes to standard error, so that a pipe has what it asked for and nothing else.

use crate::program::{Server, run, tidewire};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

#[tokio::test]
async fn each_command_says_what_it_did_and_where() {
    let server = Server::start().await;
    let url = format!("http://{}", server.address);
    let at = |arguments: &[&str]| {
        let mut command = tidewire(arguments);
        command.env("TIDEWIRE_URL", &server.address);
        command
    };
    let published = run(&mut at(&["publish", "a.b", "hi"])).await;
    assert!(published.is_success && published.out.ends_with("-1\n"), "{published:?}");
    assert_eq!(published.err, format!("published to a.b at {url}\n"));

    let mut lines = at(&["publish", "a.b", "--lines"]);
    lines.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut lines = lines.spawn().unwrap();
    lines.stdin.take().unwrap().write_all(b"one\r\ntwo\n").await.unwrap();
    let lines = lines.wait_with_output().await.unwrap();
    assert_eq!(
        String::from_utf8(lines.stderr).unwrap(),
        format!("published 2 lines to a.b at {url}\n")
    );
    assert_eq!(lines.stdout, b"");

    let subscribe = ["subscribe", "a.b", "--since", "earliest", "--count", "2"];
    let followed = run(&mut at(&subscribe)).await;
    assert_eq!(followed.out, "hi\none\n");
    assert_eq!(followed.err, format!("following a.b at {url}\n"));

    let history = run(&mut at(&["history", "a.*", "--limit", "2"])).await;
    assert_eq!(history.out, "a.b\tone\na.b\ttwo\n");
    assert!(history.err.ends_with(&format!("\n2 messages of a.* at {url}\n")), "{history:?}");
}

#[tokio::test]
async fn a_command_that_is_to_be_quiet_says_only_what_goes_wrong() {
    let server = Server::start().await;
    let at = |arguments: &[&str]| {
        let mut command = tidewire(arguments);
        command.args(["--quiet", "--url", &server.address]);
        command
    };
    for arguments in [
        &["publish", "a", "hi"][..],
        &["publish", "a", "--lines"],
        &["subscribe", "a", "--since", "earliest", "--count", "1"],
        &["history", "a"],
    ] {
        let quiet = run(&mut at(arguments)).await;
        assert!(quiet.is_success && quiet.err.is_empty(), "{quiet:?}");
    }
    let refused = run(&mut at(&["publish", "a b", "hi"])).await;
    assert!(!refused.is_success && refused.err.starts_with("tidewire: the server refused"));
}

#[tokio::test]
async fn a_flag_goes_before_the_variable() {
    let server = Server::start().await;
    let mut publish = tidewire(&["publish", "a", "hi", "--url", &server.address]);
    let published = run(publish.env("TIDEWIRE_URL", "http://127.0.0.1:1")).await;
    assert!(published.is_success, "{published:?}");
    let mut publish = tidewire(&["publish", "a", "hi"]);
    let refused = run(publish.env("TIDEWIRE_URL", "ftp://example.org")).await;
    assert!(!refused.is_success && refused.err.contains("`ftp://example.org` is not a server's"));
}
