//! `tidewire data`: a restored backup of the running server has everything that was acknowledged before it. A client
//! that resumes from a later position gets a gap notice.

use crate::common::{check_numbers, check_problem, publish_numbers, within};
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use tidewire_test_harness::{
    peers::{Follower, Received, Wire, http::post},
    server::{Server, command},
};

/// Runs `tidewire data`; gives its success and what it said.
async fn data(arguments: &[&str], folder: &Path) -> Result<(bool, String)> {
    let mut command = command()?;
    let output = command.arg("data").args(arguments).current_dir(folder).output().await?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(said)?))
}

/// Runs it, and checks that it cannot be done and why.
async fn check_refused(arguments: &[&str], folder: &Path, why: &str) -> Result<()> {
    let (is_done, said) = data(arguments, folder).await?;
    ensure!(!is_done && said.contains(why), "{arguments:?}: {said}");
    Ok(())
}

#[tokio::test]
async fn a_backup_of_the_running_server_is_put_back() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let text = |name: &str| path.join(name).to_str().map(str::to_owned).context("not UTF-8");
        let (old, new) = (text("old")?, text("new")?);
        let mut server = Server::start(&["--data", &old]).await?;
        let address = server.address();
        let mut follower = Follower::new(address, &["a"], Wire::Sse, "earliest");
        publish_numbers(address, "a", 0..300).await?;
        let url = format!("http://{address}");
        let (is_done, said) = data(&["backup", "copy", "--url", &url], path).await?;
        ensure!(is_done && said.contains("wrote copy ("), "{said}");
        publish_numbers(address, "a", 300..320).await?;
        check_numbers(&follower.messages(320).await?, 0..320)?;

        check_refused(&["backup", "copy", "--url", &url], path, "exists already").await?;
        check_refused(&["backup", "b", "--data", "old"], path, "in use by another process").await?;
        check_refused(&["new-epoch", "old"], path, "in use by another process").await?;
        check_refused(&["restore", "copy", "old"], path, "is not empty").await?;
        check_refused(&["restore", "none", "new"], path, "cannot read none").await?;
        check_refused(&["new-epoch", "none"], path, "has no store").await?;
        server.terminate().await?;
        let (is_done, said) = data(&["restore", "copy", "new"], path).await?;
        ensure!(is_done && said.contains("get a gap notice"), "{said}");

        let server = Server::start_at(address, &["--data", &new]).await?;
        // As many as were lost: their offsets are given again.
        publish_numbers(server.address(), "a", 300..330).await?;
        ensure!(matches!(follower.next().await?, Received::Gap(_)), "no gap");
        check_numbers(&follower.messages(330).await?, 0..330)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_stopped_store_is_copied_and_begins_a_new_epoch() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let old = path.join("old").to_str().context("not UTF-8")?.to_owned();
        let mut server = Server::start(&["--data", &old]).await?;
        publish_numbers(server.address(), "a", 0..10).await?;
        let mut follower = Follower::new(server.address(), &["a"], Wire::Stream, "earliest");
        check_numbers(&follower.messages(10).await?, 0..10)?;
        server.terminate().await?;
        let said = data(&["backup", "copy", "--data", "old", "--quiet"], path).await?;
        ensure!(said == (true, String::new()), "{said:?}");
        ensure!(data(&["restore", "copy", "new"], path).await?.0);
        let (is_done, said) = data(&["new-epoch", "old"], path).await?;
        ensure!(is_done && said.contains("begins a new epoch"), "{said}");
        let server = Server::start_at(server.address(), &["--data", &old]).await?;
        ensure!(matches!(follower.next().await?, Received::Gap(_)), "no gap");
        check_numbers(&follower.messages(10).await?, 0..10)?;
        drop(server);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn pages_proxies_and_logs_in_memory_get_no_backup() -> Result<()> {
    within(30, async {
        let server = Server::start(&[]).await?;
        let address = server.address();
        for header in [
            ("Origin", "http://localhost:5173"),
            ("Sec-Fetch-Site", "cross-site"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("Forwarded", "for=10.0.0.1"),
            ("Via", "1.1 proxy"),
            ("X-Real-IP", "10.0.0.1"),
        ] {
            let answer = post(address, "/data/backup", &[header], b"").await?;
            let detail = check_problem(answer, 403, "forbidden").await?;
            let is_said = ["the machine of the server", "do what is for operators"];
            ensure!(is_said.iter().any(|part| detail.contains(part)), "{detail}");
        }
        let answer = post(address, "/data/backup", &[], b"").await?;
        let detail = check_problem(answer, 404, "not_found").await?;
        ensure!(detail.contains("--data DIR"), "{detail}");
        Ok(())
    })
    .await
}
