//! Payloads and errors with escape sequences, on a terminal and in a pipe.

use crate::program::{A_WHILE, Server, folder, run, tidewire};
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{fs::File, io::Read as _, process::Stdio, thread};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    process::Command,
    time::timeout,
};

const HOSTILE: &str = "\x1b]0;owned\x07\u{9b}2J\r\x7f";
const SHOWN: &str = "\\u001b]0;owned\\u0007\\u009b2J\\u000d\\u007f";

/// Runs a command with a terminal as its output and errors; what the terminal was given.
async fn on_a_terminal(command: &mut Command) -> String {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let name = ptsname(&controller, Vec::new()).unwrap();
    let terminal = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let terminal = File::from(terminal);
    let errors = terminal.try_clone().unwrap();
    let mut child =
        command.stdout(Stdio::from(terminal)).stderr(Stdio::from(errors)).spawn().unwrap();
    // Ours of the terminal are closed with the command, or reading would not end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let reading = thread::spawn(move || {
        let mut given = Vec::new();
        // A terminal that nobody has open any more is an error to read from.
        let _ = File::from(controller).read_to_end(&mut given);
        String::from_utf8(given).unwrap()
    });
    timeout(A_WHILE, child.wait()).await.expect("it does not end").unwrap();
    reading.join().unwrap()
}

#[tokio::test]
async fn payloads_are_shown_on_a_terminal_and_exact_in_a_pipe() {
    let server = Server::start().await;
    let at = |arguments: &[&str]| {
        let mut command = tidewire(arguments);
        command.env("TIDEWIRE_URL", &server.address);
        command
    };
    run(&mut at(&["publish", "a", HOSTILE])).await;
    for arguments in
        [&["history", "a"][..], &["subscribe", "a", "--since", "earliest", "--count", "1"]]
    {
        for format in ["text", "json"] {
            let mut command = at(arguments);
            let given = on_a_terminal(command.args(["--format", format])).await;
            let controls: String = given.chars().filter(|c| c.is_control() && *c != '\n').collect();
            // The terminal itself makes CR LF of a line feed.
            assert!(controls.chars().all(|c| c == '\r'), "{given:?}");
            assert_eq!(given.matches('\r').count(), given.matches("\r\n").count(), "{given:?}");
            assert!(format == "json" || given.contains(SHOWN), "{given:?}");
        }
        let piped = run(&mut at(arguments)).await;
        assert_eq!(piped.out, format!("{HOSTILE}\n"));
    }
}

#[tokio::test]
async fn errors_that_quote_a_file_are_shown() {
    let folder = folder();
    let file = folder.path().join("tidewire.toml");
    std::fs::write(&file, "retention_age = \"\\u001b[2J\"\nlisten = \x1b[2J\n").unwrap();
    let mut check = tidewire(&["check-config", "--config", file.to_str().unwrap()]);
    let given = on_a_terminal(&mut check).await;
    assert!(!given.contains('\x1b') && given.contains("\\u001b[2J"), "{given:?}");
}

/// A server that answers every request with a gap and a message, both made to reach the terminal.
async fn hostile_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The head of the request, which is of no interest.
            let _ = stream.read(&mut [0; 4_096]).await;
            let length = ANSWER.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                                content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(&[head.as_bytes(), ANSWER.as_bytes()].concat()).await;
        }
    });
    address
}

const ANSWER: &str = r#"{"messages":[{"channel":"a","position":"k-2","time":0,"data":"hi"}],
    "gaps":[{"channel":"a","from":"\u001b[2J","to":"k-1"}],"position":"k-2"}"#;

#[tokio::test]
async fn notices_beside_messages_are_shown_too() {
    let address = hostile_server().await;
    let arguments = ["subscribe", "a", "--wire", "poll", "--count", "1", "--url", &address];
    let given = on_a_terminal(&mut tidewire(&arguments)).await;
    assert!(!given.contains('\x1b') && given.contains("between \\u001b[2J and k-1"), "{given:?}");
}
