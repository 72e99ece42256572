//! The dashboard and the alert rules, before a real Prometheus that scrapes the real server.

use crate::common::within;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    peers::{
        Subscriber, Wire,
        http::{get, publish},
    },
    server::Server,
};
use tokio::{
    process::{Child, Command},
    time::sleep,
};

#[tokio::test]
async fn prometheus_answers_every_query_of_the_dashboard() -> Result<()> {
    within(120, async {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let server = Server::start(&["--data", data.to_str().context("its name")?]).await?;
        let (_prometheus, address) = start_prometheus(folder.path(), server.address()).await?;
        let mut subscriber = Subscriber::open(Wire::Sse, server.address(), &["a"], None).await?;
        // A rate needs two scrapes, and something that goes on between them.
        let begin = Instant::now();
        let mut left: Vec<String> = queries()?;
        ensure!(left.len() > 40, "{} queries", left.len());
        while !left.is_empty() {
            ensure!(begin.elapsed() < Duration::from_secs(60), "no data for {left:#?}");
            publish(server.address(), "a", "x").await?;
            subscriber.message().await?;
            let mut empty = Vec::new();
            for query in left {
                if !has_data(address, &query).await? {
                    empty.push(query);
                }
            }
            left = empty;
            sleep(Duration::from_millis(200)).await;
        }
        check_rules(address).await
    })
    .await
}

#[tokio::test]
async fn promtool_finds_the_alert_rules_sound() -> Result<()> {
    within(60, async {
        let said = Command::new("promtool").args(["check", "rules"]).arg(rules()).output().await;
        let said = said.context("promtool is needed: cargo xtask install")?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned()
            + &String::from_utf8_lossy(&said.stderr);
        ensure!(said.status.success(), "{text}");
        let page = fs::read_to_string(top().join("docs/monitoring.md"))?;
        let file = fs::read_to_string(rules())?;
        let alerts = file.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
        let alerts: Vec<&str> = alerts.collect();
        ensure!(text.contains(&format!("{} rules found", alerts.len())), "{text}");
        for alert in alerts {
            ensure!(page.contains(&format!("| `{alert}` |")), "{alert} is not on the page");
        }
        Ok(())
    })
    .await
}

/// Every query of every panel, with Grafana's variables filled in.
fn queries() -> Result<Vec<String>> {
    let file = fs::read_to_string(top().join("packaging/grafana/tidewire.json"))?;
    let dashboard: Value = serde_json::from_str(&file)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries = targets.filter_map(|target| target["expr"].as_str()).map(|query| {
        let query = query.replace("$__rate_interval", "10s");
        query.replace("$job", ".*").replace("$instance", ".*")
    });
    Ok(queries.collect())
}

/// Whether a query has a result; that it is one of numbers is checked.
async fn has_data(prometheus: SocketAddr, query: &str) -> Result<bool> {
    let query: String = url_encoded(query);
    let answer = get(prometheus, &format!("/api/v1/query?query={query}"), &[]).await?;
    let text = answer.text().await?;
    let answer: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
    ensure!(answer["status"] == "success", "{text}");
    let result = answer["data"]["result"].as_array().context("no result")?;
    // Of what has not happened there is nothing to divide or to rank: that is "NaN", and no number yet.
    Ok(result.iter().any(|it| it["value"][1].as_str().is_some_and(|value| value != "NaN")))
}

/// Checks that the server evaluates each alert rule, and that none fires.
async fn check_rules(prometheus: SocketAddr) -> Result<()> {
    loop {
        let rules = get(prometheus, "/api/v1/rules", &[]).await?.json().await?;
        let rules = rules["data"]["groups"][0]["rules"].as_array().context("no rules")?.clone();
        ensure!(rules.len() > 10, "{} rules", rules.len());
        if rules.iter().all(|rule| rule["health"] != "unknown") {
            for rule in rules {
                ensure!(rule["health"] == "ok" && rule["state"] != "firing", "{rule}");
            }
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Starts a Prometheus on a free port, and waits until it answers.
async fn start_prometheus(folder: &Path, target: SocketAddr) -> Result<(Child, SocketAddr)> {
    let settings = format!(
        "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nrule_files:\n  - {}\nscrape_configs:\n  \
         - job_name: tidewire\n    static_configs:\n      - targets: [\"{target}\"]\n",
        rules().display()
    );
    let file = folder.join("prometheus.yml");
    fs::write(&file, settings)?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let log = fs::File::create(folder.join("prometheus.log"))?;
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
        .arg(format!("--web.listen-address={address}"))
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .context("prometheus is needed: cargo xtask install")?;
    let begin = Instant::now();
    loop {
        if let Ok(answer) = get(address, "/-/ready", &[]).await
            && answer.status == 200
        {
            return Ok((child, address));
        }
        if begin.elapsed() > Duration::from_secs(40) {
            bail!("{}", fs::read_to_string(folder.join("prometheus.log"))?);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn url_encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn rules() -> PathBuf {
    top().join("packaging/prometheus/alerts.yml")
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
