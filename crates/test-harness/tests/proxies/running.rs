//! A proxy as a child process, with the configuration of its page.

use anyhow::{Context as _, Result, ensure};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tidewire_test_harness::tls::Certificates;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::sleep,
};

/// A proxy that has a page in `docs/proxies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    Caddy,
    Traefik,
    Envoy,
}

/// A running proxy. Dropped, it is killed.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    kind: Kind,
    folder: TempDir,
    child: Child,
}

impl Kind {
    fn page(self) -> &'static str {
        match self {
            Self::Nginx => include_str!("../../../../docs/proxies/nginx.md"),
            Self::Haproxy => include_str!("../../../../docs/proxies/haproxy.md"),
            Self::Caddy => include_str!("../../../../docs/proxies/caddy.md"),
            Self::Traefik => include_str!("../../../../docs/proxies/traefik.md"),
            Self::Envoy => include_str!("../../../../docs/proxies/envoy.md"),
        }
    }
}

impl Proxy {
    /// Starts the proxy with its documented configuration, but with addresses, host and certificate of the test.
    pub(crate) async fn start(kind: Kind, server: SocketAddr, tls: &Certificates) -> Result<Self> {
        let address = free_address().await?;
        let folder = tempfile::tempdir()?;
        let mut blocks = kind.page().split("```text\n").skip(1);
        let mut block = || {
            let block = blocks.next().and_then(|rest| rest.split_once("```"));
            Ok::<_, anyhow::Error>(block.context("the page lacks a block")?.0.to_owned())
        };
        let (main, more) = (block()?, if kind == Kind::Traefik { block()? } else { String::new() });
        let path = |name: &str| folder.path().join(name);
        let (certificate, key) =
            (fs::read_to_string(tls.certificate())?, fs::read_to_string(tls.key())?);
        fs::write(path("both.pem"), certificate + &key)?;
        let replaced = |text: String| -> Result<String> {
            let port = address.port();
            let mut text = text;
            for (documented, ours) in [
                ("127.0.0.1:8080", server.to_string()),
                (
                    "127.0.0.1, port_value: 8080",
                    format!("127.0.0.1, port_value: {}", server.port()),
                ),
                ("0.0.0.0, port_value: 443", format!("127.0.0.1, port_value: {port}")),
                ("listen 443", format!("listen {address}")),
                ("bind :443", format!("bind {address}")),
                ("\":443\"", format!("\"{address}\"")),
                ("/etc/ssl/push.example.com.pem", tls.certificate().display().to_string()),
                ("/etc/ssl/push.example.com.key", tls.key().display().to_string()),
                ("/etc/haproxy/push.example.com.pem", path("both.pem").display().to_string()),
                ("/etc/traefik/tidewire.yaml", path("more.yaml").display().to_string()),
                ("Host(`push.example.com`)", "Host(`localhost`)".to_owned()),
            ] {
                text = text.replace(documented, &ours);
            }
            ensure!(
                !text.contains("8080") && !text.contains("443\n"),
                "it names other ports: {text}"
            );
            Ok(text)
        };
        let main = match kind {
            Kind::Nginx => nginx(&replaced(main)?),
            Kind::Caddy => {
                let (certificate, key) = (tls.certificate(), tls.key());
                let site = format!(
                    "https://localhost:{} {{\n    tls {} {}",
                    address.port(),
                    certificate.display(),
                    key.display()
                );
                let options = "{\n    admin off\n    auto_https off\n}\n";
                options.to_owned() + &replaced(main)?.replace("push.example.com {", &site)
            }
            Kind::Haproxy | Kind::Traefik | Kind::Envoy => replaced(main)?,
        };
        // Envoy and Traefik choose the format by the name.
        fs::write(path("main.yaml"), main)?;
        fs::write(path("more.yaml"), replaced(more)?)?;
        let child = spawn(kind, folder.path(), address)?;
        let mut proxy = Self { address, kind, folder, child };
        proxy.wait().await?;
        Ok(proxy)
    }

    /// Starts nginx with this content of its block `http`, in which `LISTEN` and `SERVER` stand for addresses.
    pub(crate) async fn nginx(block: &str, server: SocketAddr) -> Result<Self> {
        let address = free_address().await?;
        let folder = tempfile::tempdir()?;
        let block = block.replace("LISTEN", &address.to_string());
        let block = block.replace("SERVER", &server.to_string());
        fs::write(folder.path().join("main.yaml"), nginx(&block))?;
        let child = spawn(Kind::Nginx, folder.path(), address)?;
        let mut proxy = Self { address, kind: Kind::Nginx, folder, child };
        proxy.wait().await?;
        Ok(proxy)
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Kills it, and starts it again at the same address.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.child.kill().await?;
        self.child = spawn(self.kind, self.folder.path(), self.address)?;
        self.wait().await
    }

    /// Waits until it listens.
    async fn wait(&mut self) -> Result<()> {
        while TcpStream::connect(self.address).await.is_err() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            ensure!(self.child.try_wait()?.is_none(), "{:?} has ended: {}", self.kind, log());
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

fn nginx(block: &str) -> String {
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {name};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nworker_rlimit_nofile 65536;\n\
         events {{ worker_connections 32768; }}\nhttp {{\naccess_log off;\n{paths}{block}\n}}\n"
    )
}

fn spawn(kind: Kind, folder: &Path, address: SocketAddr) -> Result<Child> {
    let main = folder.join("main.yaml");
    let main = main.to_str().context("a path that is no text")?;
    let port = address.port().to_string();
    let (program, arguments) = match kind {
        Kind::Nginx => ("nginx", vec!["-p", folder.to_str().context("no path")?, "-c", main]),
        Kind::Haproxy => ("haproxy", vec!["-db", "-f", main]),
        Kind::Caddy => ("caddy", vec!["run", "--adapter", "caddyfile", "--config", main]),
        Kind::Traefik => ("traefik", vec!["--configFile", main]),
        // Several may run at once on a machine, each with memory of its own number.
        Kind::Envoy => ("envoy", vec!["-c", main, "--base-id", &port, "--concurrency", "1"]),
    };
    let log = fs::File::create(folder.join("log"))?;
    Command::new(program)
        .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH")?))
        .env("HOME", folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{program} is needed: cargo xtask nightly --only proxies"))
}

async fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}
