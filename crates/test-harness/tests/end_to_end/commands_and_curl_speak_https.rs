//! curl and the Rust client, behind `tidewire publish` and `subscribe`, over https and wss.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use std::process::{Output, Stdio};
use tidewire_test_harness::{server::command, tls::Certificates};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

async fn run(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command.output().await?;
    ensure!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    Ok(String::from_utf8(stdout)?)
}

#[tokio::test]
async fn commands_and_curl_speak_https() -> Result<()> {
    within(90, async {
        let certificates = Certificates::new()?;
        let server = certificates.serve(&[]).await?;
        let (url, root) = (server.url(), certificates.root());
        for wire in ["ws", "sse", "stream", "poll"] {
            let mut subscribe = command()?;
            subscribe.args(["subscribe", "a", "--count", "1", "--wire", wire, "--url", &url]);
            subscribe.env("SSL_CERT_FILE", &root).kill_on_drop(true);
            let mut subscribe = subscribe.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
            let reports = subscribe.stderr.take().context("no standard error")?;
            // It reports once it follows.
            BufReader::new(reports).lines().next_line().await?.context("it ended")?;
            let mut publish = command()?;
            publish.args(["publish", "a", wire, "--url", &url]).env("SSL_CERT_FILE", &root);
            run(&mut publish).await?;
            let received = String::from_utf8(subscribe.wait_with_output().await?.stdout)?;
            ensure!(received == format!("{wire}\n"), "{wire}: {received:?}");
        }
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--cacert"]).arg(&root).args(["-d", "from curl"]);
        let published = run(curl.arg(format!("{url}/publish/a"))).await?;
        ensure!(published.contains("\"position\""), "{published}");
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--http2", "-w", " over HTTP/%{http_version}", "--cacert"]).arg(&root);
        let history = run(curl.arg(format!("{url}/channels/a/messages"))).await?;
        ensure!(history.contains("from curl") && history.ends_with(" over HTTP/2"), "{history}");
        Ok(())
    })
    .await
}
