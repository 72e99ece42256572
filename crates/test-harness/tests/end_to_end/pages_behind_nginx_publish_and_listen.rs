//! nginx in front, as people set it up. By default it replaces `Host`, and a page gets an error that says what to
//! change; with the block of `docs/proxies/nginx.md`, or with `allowed_origins`, all works, on every transport.

use crate::{
    browser::Page,
    browsers::{PUBLISH, SOCKET, send},
    common::{check_problem, within},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tidewire_test_harness::{
    peers::http::publish,
    server::{Server, command},
};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::sleep,
};

const PAGE: &str = include_str!("../../../../docs/proxies/nginx.md");

const HOST: &str = "Host: push.example.com";
const ORIGIN: &str = "Origin: http://push.example.com";

const SCRIPT: &str = "(() => {
    self.received = [];
    const events = new EventSource('/events?channel=a');
    events.onmessage = ({ data }) => received.push(`sse ${data}`);
    const socket = new WebSocket('ws://push.example.com/ws?channel=a');
    socket.onmessage = ({ data }) => received.push(`ws ${data}`);
    self.areOpen = () => events.readyState === 1 && socket.readyState === 1;
    self.publish = () => fetch('/publish/a', { method: 'POST', body: 'hello' });
})()";

/// A running nginx. Dropped, it is killed.
struct Nginx {
    address: SocketAddr,
    _child: Child,
    _folder: TempDir,
}

impl Nginx {
    /// Starts the block of the documentation, less the lines that contain `without`.
    async fn start(server: SocketAddr, without: &str) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?;
        let mut blocks =
            PAGE.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
        let block = blocks.find(|block| block.contains("proxy_pass")).context("no block")?;
        let kept = block.lines().filter(|line| !line.contains("ssl_certificate"));
        let kept = kept.filter(|line| without.is_empty() || !line.contains(without));
        let block = kept.collect::<Vec<_>>().join("\n");
        let block = block
            .replace("listen 443 ssl http2;", &format!("listen {address};"))
            .replace("http://127.0.0.1:8080", &format!("http://{server}"));
        let folder = tempfile::tempdir()?;
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        let settings = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\n\
             events {{ worker_connections 256; }}\nhttp {{\naccess_log off;\n{paths}{block}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, settings)?;
        let mut child = Command::new("nginx")
            .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH")?))
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("nginx is needed: cargo xtask install")?;
        while TcpStream::connect(address).await.is_err() {
            ensure!(child.try_wait()?.is_none(), "nginx has ended");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { address, _child: child, _folder: folder })
    }
}

#[tokio::test]
async fn with_its_default_for_host_the_page_gets_an_error_that_says_what_to_change() -> Result<()> {
    within(60, async {
        let server = Server::start(&[]).await?;
        let nginx = Nginx::start(server.address(), "header Host").await?;
        for request in [PUBLISH, SOCKET] {
            let answer = send(nginx.address, request, &[HOST, ORIGIN]).await?;
            let detail = check_problem(answer, 403, "forbidden").await?;
            for part in [
                "http://push.example.com",
                &format!("Host is {}", server.address()),
                "--allowed-origins http://push.example.com",
                "proxy_set_header Host $http_host",
            ] {
                assert!(detail.contains(part), "{part}: {detail}");
            }
        }
        let allowed = ["--allowed-origins", "http://push.example.com"];
        let server = Server::start(&allowed).await?;
        let nginx = Nginx::start(server.address(), "header Host").await?;
        for (request, status) in [(PUBLISH, 200), (SOCKET, 101)] {
            let answer = send(nginx.address, request, &[HOST, ORIGIN]).await?;
            assert_eq!(answer.status, status, "{request}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn with_the_documented_block_a_page_publishes_and_listens() -> Result<()> {
    within(120, async {
        let server = Server::start(&["--allowed-hosts", "push.example.com"]).await?;
        let nginx = Nginx::start(server.address(), "").await?;
        let mut doctor = command()?;
        doctor.args(["doctor", "--quick", &format!("http://{}", nginx.address)]);
        let examined = doctor.output().await?;
        let said = String::from_utf8_lossy(&examined.stdout);
        ensure!(examined.status.success(), "{said}");
        let rule = format!("--host-resolver-rules=MAP push.example.com:80 {}", nginx.address);
        let mut page = Page::start(&[&rule]).await?;
        page.show("http://push.example.com/health/live", "<!doctype html>").await?;
        page.call("evaluate", json!([SCRIPT])).await?;
        page.until("areOpen()").await?;
        page.call("evaluate", json!(["publish().then(({ status }) => status)"])).await?;
        page.until("received.length >= 2").await?;
        publish(server.address(), "a", "and from elsewhere").await?;
        page.until("received.length >= 4").await?;
        let received = page.call("evaluate", json!(["received.toSorted()"])).await?;
        let expected =
            json!(["sse and from elsewhere", "sse hello", "ws and from elsewhere", "ws hello"]);
        assert_eq!(received, expected);
        Ok(())
    })
    .await
}
