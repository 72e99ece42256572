//! API keys are created and revoked, and keys of tokens rotated, while the server runs.

use crate::{common::within, renewing::send};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    peers::{
        http::{Answer, get, post},
        websocket::Socket,
    },
    server::{Server, command},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::sleep,
};

/// What a command prints on standard output.
async fn printed(arguments: &[&str]) -> Result<String> {
    let output = command()?.args(arguments).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {said}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

async fn publish(address: SocketAddr, channel: &str, credential: &str) -> Result<u16> {
    let bearer = format!("Bearer {credential}");
    let path = format!("/publish/{channel}");
    Ok(post(address, &path, &[("Authorization", &bearer)], b"hello").await?.status)
}

/// Publishes until the answer is `status`.
async fn until(address: SocketAddr, channel: &str, credential: &str, status: u16) -> Result<()> {
    let start = Instant::now();
    loop {
        let answered = publish(address, channel, credential).await?;
        if answered == status {
            return Ok(());
        }
        ensure!(start.elapsed() < Duration::from_secs(60), "{answered}, not {status}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn an_api_key_counts_from_its_creation_until_it_is_revoked() -> Result<()> {
    within(240, async {
        let folder = tempfile::tempdir()?;
        let list = folder.path().join("keys.json");
        let list = list.to_str().context("the folder is not UTF-8")?;
        let server = Server::start(&["--api-keys-file", list]).await?;
        let address = server.address();
        ensure!(get(address, "/channels/a/messages", &[]).await?.status == 401);
        ensure!(publish(address, "invoices.a", "tk_unknown").await? == 401);
        let invoices = ["--publish", "invoices.>", "--subscribe", "invoices.>"];
        let create = [&["key", "create", "billing"][..], &invoices, &["--file", list]].concat();
        let key = printed(&create).await?;
        ensure!(key.starts_with("tk_") && key.len() == 46, "only the key is printed: {key}");
        until(address, "invoices.a", &key, 200).await?;
        ensure!(publish(address, "orders.a", &key).await? == 403);
        let listed = printed(&["key", "list", "--file", list]).await?;
        ensure!(!listed.contains(&key[3..]) && listed.contains("billing"), "{listed}");
        let id = listed.split(' ').next().context("no id")?;
        let reading = ["key", "create", "reports", "--subscribe", "invoices.>", "--file", list];
        let other = printed(&reading).await?;
        // It counts, and may not publish.
        until(address, "invoices.a", &other, 403).await?;
        let (mut revoked, mut kept) =
            (follow(address, &key).await?, follow(address, &other).await?);
        printed(&["key", "revoke", id, "--file", list]).await?;
        // The connection of the key that is gone ends, says where it stands and why, and the other one goes on.
        let last = rest(&mut revoked).await?;
        ensure!(
            last.contains("event: $error") && last.contains("was removed or revoked"),
            "{last}"
        );
        ensure!(publish(address, "invoices.a", &key).await? == 401);
        let third = printed(&["key", "create", "c", "--publish", ">", "--file", list]).await?;
        until(address, "invoices.a", &third, 200).await?;
        while !String::from_utf8(kept.body.next().await?.context("it ended")?)?.contains("hello") {}
        let log = server.output().to_string();
        ensure!(!log.contains(&key[3..]), "no key is in the log: {log}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_secret_is_changed_in_its_file() -> Result<()> {
    within(240, async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("secret");
        std::fs::write(&path, "0123456789abcdef0123456789abcdef\n")?;
        let config = folder.path().join("tidewire.toml");
        std::fs::write(&config, format!("[tokens]\nsecret_file = {path:?}\n"))?;
        let config = config.to_str().context("the folder is not UTF-8")?;
        let server = Server::start(&["--config", config]).await?;
        let sign = [
            "token",
            "--config",
            config,
            "--publish",
            "a",
            "--subscribe",
            "invoices.a",
            "--for",
            "1h",
        ];
        let before = printed(&sign).await?;
        ensure!(publish(server.address(), "a", &before).await? == 200);
        let mut open = follow(server.address(), &before).await?;
        std::fs::write(&path, "too short")?;
        sleep(Duration::from_millis(1_500)).await;
        ensure!(
            publish(server.address(), "a", &before).await? == 200,
            "a bad file changes nothing"
        );
        std::fs::write(&path, "another secret of at least 32 bytes")?;
        let last = rest(&mut open).await?;
        ensure!(
            last.contains("event: $error") && last.contains("was removed or revoked"),
            "{last}"
        );
        let after = printed(&sign).await?;
        until(server.address(), "a", &after, 200).await?;
        ensure!(publish(server.address(), "a", &before).await? == 401);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_key_set_is_rotated_and_its_server_may_be_down() -> Result<()> {
    within(240, async {
        let answer = Arc::new(Mutex::new(key_set("one")));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/keys", listener.local_addr()?);
        let keys = tokio::spawn(serve(listener, Arc::clone(&answer)));
        let arguments = ["--tokens-jwks-url", &url, "--tokens-jwks-interval-min", "1s"];
        let server = Server::start(&arguments).await?;
        let address = server.address();
        let (one, two) = (signed_by("one").await?, signed_by("two").await?);
        until(address, "a", &one, 200).await?;
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = key_set("two");
        // From now on a fetch may begin. The next one is due in ten minutes, were it not for these tokens, which wait for it.
        sleep(Duration::from_millis(1_100)).await;
        let (status, first_frame) = tokio::join!(publish(address, "a", &two), show(address, &two));
        ensure!(status? == 200 && first_frame? == "granted");
        until(address, "a", &one, 401).await?;
        keys.abort();
        sleep(Duration::from_millis(1_500)).await;
        let three = signed_by("three").await?;
        // The fetch that it waits for fails.
        let bearer = format!("Bearer {three}");
        let refused = post(address, "/publish/a", &[("Authorization", &bearer)], b"hello").await?;
        ensure!(refused.status == 503 && refused.header("retry-after").is_some());
        ensure!(show(address, &three).await? == "unavailable");
        sleep(Duration::from_millis(1_500)).await;
        ensure!(publish(address, "a", &two).await? == 200, "the keys that were fetched stay");
        Ok(())
    })
    .await
}

/// What comes of a token in the first frame of a WebSocket: `granted`, or the code of an error.
async fn show(address: SocketAddr, token: &str) -> Result<String> {
    let (mut socket, _) = Socket::speak(address).await?;
    send(&mut socket, json!({"type": "token", "id": 1, "token": token})).await?;
    loop {
        let frame = socket.json().await?.context("closed without an answer")?;
        if frame["id"] == 1 {
            let code = frame["code"].as_str().or(frame["type"].as_str());
            return Ok(code.context("no type")?.to_owned());
        }
    }
}

/// An event stream that has begun.
async fn follow(address: SocketAddr, credential: &str) -> Result<Answer> {
    let bearer = format!("Bearer {credential}");
    let path = "/events?channel=invoices.a";
    let mut answer = get(address, path, &[("Authorization", &bearer)]).await?;
    ensure!(answer.status == 200, "{}", answer.status);
    answer.body.next().await?.context("no opening")?;
    Ok(answer)
}

/// What comes until a stream ends.
async fn rest(stream: &mut Answer) -> Result<String> {
    let mut text = String::new();
    while let Some(part) = stream.body.next().await? {
        text.push_str(&String::from_utf8(part)?);
    }
    Ok(text)
}

async fn signed_by(id: &str) -> Result<String> {
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tokens/tests/keys/p256-private.pem");
    let key = key.to_str().context("the folder is not UTF-8")?;
    printed(&["token", "--key", key, "--kid", id, "--publish", "a"]).await
}

/// The public half of that key.
fn key_set(id: &str) -> String {
    let key = json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": X, "y": Y });
    json!({ "keys": [key] }).to_string()
}

/// Answers each request with the same body.
async fn serve(listener: TcpListener, answer: Arc<Mutex<String>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let _ = stream.read(&mut [0; 4_096]).await;
        let body = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all((head + &body).as_bytes()).await;
    }
}

const X: &str = "HGVmoVGPqgi59UswFaSjOYq0xCaeEVK0JobFQI99B8I";
const Y: &str = "HwBPOdTNVkE6yNul1VlSjiJuSq0ndHx8d_RI671ysc0";
