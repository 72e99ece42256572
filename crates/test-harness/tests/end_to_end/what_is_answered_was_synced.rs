//! The order of system calls, as `strace` saw it: what an answer promises was synced before the answer was written, and
//! so were the files' names in their folder, and the folder's own name.
//!
//! The kernel keeps the page cache of a killed process, so no other test of the real binary can show this.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::{collections::BTreeMap, fs, path::Path, time::Duration};
use tidewire_test_harness::{
    peers::http::publish,
    server::{Server, traced},
};
use tokio::time::sleep;

/// What was done, in the order in which it was done.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Made(String),
    Written(String),
    Synced(String),
    Answered,
}

#[tokio::test]
async fn an_answer_comes_after_the_sync_of_what_it_promises() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let (above, trace) = (folder.path().join("above"), folder.path().join("trace"));
        let data = above.join("data");
        let events = trace_server(&data, &trace, &[]).await?;
        let journal = data.join("journal.redb");
        let journal = journal.to_str().context("the folder's name is not UTF-8")?;
        let answers = events.split(|event| *event == Event::Answered);
        let answers: Vec<_> = answers.collect();
        ensure!(answers.len() == PUBLISHES + 1, "{} answers", answers.len() - 1);
        // The first part is the start and the first publish; the last part comes after all answers.
        for before in &answers[..PUBLISHES] {
            let last = |wanted: &Event| before.iter().rposition(|event| event == wanted);
            let written = last(&Event::Written(journal.to_owned()));
            let synced = last(&Event::Synced(journal.to_owned()));
            ensure!(written.is_some(), "answered, and nothing was written: {before:?}");
            ensure!(synced > written, "answered before what was written was synced: {before:?}");
        }
        check_names(answers[0])
    })
    .await
}

#[tokio::test]
async fn with_fsync_never_answers_do_not_wait() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let (data, trace) = (folder.path().join("data"), folder.path().join("trace"));
        let events = trace_server(&data, &trace, &["--fsync", "never"]).await?;
        let first = events.iter().position(|event| *event == Event::Answered);
        let rest = events.get(first.context("no answer")? + 1..).unwrap_or_default();
        let last = rest.iter().rposition(|event| *event == Event::Answered);
        let between = rest.get(..last.context("one answer")?).unwrap_or_default();
        // This is how the test above would look if nothing was synced.
        let is_sync = |event: &Event| matches!(event, Event::Synced(_));
        ensure!(!between.iter().any(is_sync), "{between:?}");
        Ok(())
    })
    .await
}

/// Publishes to a traced server, one message after the other, and ends it.
async fn trace_server(data: &Path, trace: &Path, arguments: &[&str]) -> Result<Vec<Event>> {
    let mut command = traced(trace, CALLS)?;
    command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--data"]);
    command.arg(data).args(arguments);
    let server = Server::run(command).await;
    let mut server = server.context("strace is needed here; cargo xtask install brings it")?;
    for number in 0..PUBLISHES {
        publish(server.address(), "a", &number.to_string()).await?;
    }
    server.terminate().await?;
    loop {
        let text = fs::read_to_string(trace)?;
        // The tracer ends after the server.
        if text.lines().last().is_some_and(|line| line.ends_with("+++ exited with 0 +++")) {
            return Ok(events(&text));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Checks that each name that was made is followed by a sync of the folder in which it is.
fn check_names(events: &[Event]) -> Result<()> {
    let made = events.iter().enumerate().filter_map(|(at, event)| match event {
        Event::Made(path) => Some((at, path)),
        _ => None,
    });
    let mut count = 0;
    for (at, path) in made {
        let folder = Path::new(path).parent().and_then(Path::to_str).context("no folder")?;
        let synced = Event::Synced(folder.to_owned());
        ensure!(events[at..].contains(&synced), "{folder} was not synced after {path} was made");
        count += 1;
    }
    ensure!(count >= NAMES_MIN, "{count} names were made: {events:?}");
    Ok(())
}

/// Reads a trace. Calls of other threads may stand between the two halves of one.
fn events(trace: &str) -> Vec<Event> {
    let (mut begun, mut events) = (BTreeMap::new(), Vec::new());
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        // An answer counts from its beginning, all else from its end.
        if !call.starts_with("<...") && is_answer(call) {
            events.push(Event::Answered);
        }
        if let Some(call) = call.strip_suffix("<unfinished ...>") {
            begun.insert(thread, call.to_owned());
        } else if let Some((_, rest)) = call.split_once("resumed>") {
            let whole = begun.remove(thread).unwrap_or_default() + rest;
            events.extend(event(&whole));
        } else {
            events.extend(event(call));
        }
    }
    events
}

fn is_answer(call: &str) -> bool {
    let writes = ["write(", "writev(", "sendto(", "sendmsg("];
    writes.iter().any(|name| call.starts_with(name)) && call.contains("HTTP/1.1 200")
}

fn event(call: &str) -> Option<Event> {
    let (name, arguments) = call.split_once('(')?;
    let (arguments, result) = arguments.rsplit_once(" = ")?;
    if result.starts_with('-') {
        return None;
    }
    let of_descriptor = || Some(arguments.split_once('<')?.1.split_once('>')?.0.to_owned());
    let named = || Some(arguments.split('"').nth(1)?.to_owned());
    match name {
        "pwrite64" => of_descriptor().map(Event::Written),
        "fsync" | "fdatasync" => of_descriptor().map(Event::Synced),
        "openat" if arguments.contains("O_CREAT") => named().map(Event::Made),
        "mkdir" | "mkdirat" => named().map(Event::Made),
        _ => None,
    }
}

const CALLS: &str =
    "openat,mkdir,mkdirat,pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg,exit_group";
const PUBLISHES: usize = 5;

/// Two folders and four files.
const NAMES_MIN: usize = 6;
