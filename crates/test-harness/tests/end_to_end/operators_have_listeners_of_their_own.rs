//! `admin_listen`: what is for operators is there and nowhere else, for those whose token says so, and to the very end.

use crate::{
    common::{check_problem, within},
    guarded::{Guarded, content, sign},
};
use anyhow::{Result, ensure};
use tidewire_test_harness::peers::http::{exchange, get, post};
use tidewire_tokens::Claims;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

#[tokio::test]
async fn what_is_for_operators_is_on_their_listeners_only() -> Result<()> {
    within(30, async {
        let mut guarded = Guarded::start("admin_listen = \"127.0.0.1:0\"", "", &[]).await?;
        let (public, admin) = (guarded.server.address(), guarded.server.admin_address().await?);
        for path in ["/", "/metrics", "/assets/console.js"] {
            let detail = check_problem(get(public, path, &[]).await?, 404, "not_found").await?;
            ensure!(!detail.contains("admin") && !detail.contains("metrics,"), "{detail}");
            ensure!(get(admin, path, &[]).await?.status == 200, "{path}");
        }
        check_problem(post(public, "/data/backup", &[], b"").await?, 404, "not_found").await?;
        ensure!(get(public, "/assets/tidewire.js", &[]).await?.status == 200);
        let probe = exchange(public, b"OPTIONS / HTTP/1.0\r\n\r\n").await?;
        ensure!(probe.status == 204, "HAProxy asks for this: {}", probe.status);
        let said = guarded.server.output().text();
        ensure!(said.contains("only the listeners of admin_listen have"), "{said}");

        // As from another machine.
        let proxy = ("X-Forwarded-For", "10.0.0.5");
        let bearer = |claims: &Claims| Ok::<_, anyhow::Error>(format!("Bearer {}", sign(claims)?));
        let plain = bearer(&content()?)?;
        let operator = bearer(&Claims { admin: true, ..content()? })?;
        let ask =
            async |token: &str| get(admin, "/metrics", &[proxy, ("Authorization", token)]).await;
        check_problem(get(admin, "/metrics", &[proxy]).await?, 401, "unauthorized").await?;
        check_problem(ask(&plain).await?, 403, "forbidden").await?;
        ensure!(ask(&operator).await?.status == 200);
        // It passes the check, and finds nothing to copy.
        let headers = [proxy, ("Authorization", &*operator)];
        check_problem(post(admin, "/data/backup", &headers, b"").await?, 404, "not_found").await?;
        let headers = [proxy, ("Authorization", &*plain)];
        check_problem(post(admin, "/data/backup", &headers, b"").await?, 403, "forbidden").await?;

        // A request whose body does not come holds up the end.
        let mut unfinished = TcpStream::connect(public).await?;
        let head =
            format!("POST /publish/room.a HTTP/1.1\r\nHost: a\r\nAuthorization: {plain}\r\n");
        let head = head.replace("Host: a", &format!("Host: {public}"));
        unfinished.write_all(format!("{head}Content-Length: 5\r\n\r\nab").as_bytes()).await?;
        wait_for(admin, "tidewire_requests_in_progress 2").await?;
        guarded.server.signal(rustix::process::Signal::TERM)?;
        wait_for(admin, "tidewire_draining 1").await?;
        while TcpStream::connect(public).await.is_ok() {}
        ensure!(get(admin, "/health/ready", &[]).await?.status == 503);
        unfinished.write_all(b"cde").await?;
        ensure!(guarded.server.ended().await?.success());
        Ok(())
    })
    .await
}

/// Waits until the metrics have this line.
async fn wait_for(admin: std::net::SocketAddr, line: &str) -> Result<()> {
    while !get(admin, "/metrics", &[]).await?.text().await?.contains(line) {}
    Ok(())
}
