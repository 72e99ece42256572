//! `/openapi.json`: every operation is there, takes each of its examples, and answers with what it says.

use crate::common::within;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value};
use std::{fs, net::SocketAddr};
use tidewire_test_harness::{
    peers::http::{Answer, exchange, get},
    server::Server,
};

/// What the server has no example of: a connection, a position of its own, a store on disk, a handshake.
const ALWAYS_REFUSED: [(&str, u16); 5] = [
    ("renewConnection", 404),
    ("disconnect", 404),
    ("reach", 404),
    ("backup", 404),
    ("webSocket", 426),
];

/// One operation, and where.
struct Operation<'a> {
    path: &'a str,
    method: String,
    described: &'a Value,
}

impl Operation<'_> {
    /// The parameters in a place, as a name and an example.
    fn examples(&self, place: &str) -> Result<Vec<(String, String)>> {
        let parameters = self.described["parameters"].as_array().context("no parameters")?;
        let here = parameters.iter().filter(|parameter| parameter["in"] == place);
        let example = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => list.first().and_then(Value::as_str).unwrap_or_default().into(),
            value => value.to_string(),
        };
        let pair = |parameter: &Value| {
            let name = parameter["name"].as_str().context("no name")?.to_owned();
            Ok((name, example(&parameter["example"])))
        };
        here.map(pair).collect()
    }

    /// Sends the operation with these further parts, and checks that the answer is as described.
    async fn send(
        &self,
        address: SocketAddr,
        query: Option<&(String, String)>,
        header: Option<&(String, String)>,
        body: Option<(&str, &str)>,
    ) -> Result<()> {
        let mut target = self.path.to_owned();
        for (name, value) in self.examples("path")? {
            target = target.replace(&format!("{{{name}}}"), &value);
        }
        // Otherwise it waits for news.
        let wait = self.path == "/poll" && query.is_none_or(|(name, _)| name != "wait");
        let wait = wait.then(|| ("wait".to_owned(), "0s".to_owned()));
        let pairs = query.into_iter().chain(&wait);
        let pairs: Vec<_> =
            pairs.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        if !pairs.is_empty() {
            target += &format!("?{}", pairs.join("&"));
        }
        let mut request = format!("{} {target} HTTP/1.1\r\nHost: localhost\r\n", self.method);
        if let Some((name, value)) = header {
            request += &format!("{name}: {value}\r\n");
        }
        let text = body.map_or("", |(_, text)| text);
        if let Some((media_type, _)) = body {
            request += &format!("Content-Type: {media_type}\r\n");
        }
        request += &format!("Content-Length: {}\r\n\r\n{text}", text.len());
        let answer = exchange(address, request.as_bytes()).await?;
        self.check(answer).with_context(|| request.clone())
    }

    fn check(&self, answer: Answer) -> Result<()> {
        let id = self.described["operationId"].as_str().context("no id")?;
        let responses = self.described["responses"].as_object().context("no responses")?;
        let success = responses.keys().find(|status| status.starts_with(['1', '2']));
        let success = success.context("no success")?.parse()?;
        let refused = ALWAYS_REFUSED.iter().find(|(refused, _)| *refused == id);
        let expected = refused.map_or(success, |(_, status)| *status);
        ensure!(answer.status == expected, "{} in place of {expected}", answer.status);
        let response = responses.get(&expected.to_string()).context("not described")?;
        let empty = Map::new();
        let described = response["content"].as_object().unwrap_or(&empty);
        let media_type = answer.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default();
        ensure!(described.is_empty() || described.contains_key(media_type), "{media_type}");
        Ok(())
    }
}

fn encode(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// Every operation with the least it takes, and with each of its examples.
async fn try_all(address: SocketAddr, operation: &Operation<'_>) -> Result<()> {
    let bodies = operation.described["requestBody"]["content"].as_object();
    let bodies: Vec<_> = bodies.into_iter().flatten().collect();
    let text = |media_type: &str, content: &Value| match (media_type, &content["example"]) {
        ("text/plain", Value::String(text)) => text.clone(),
        ("application/octet-stream", _) => "any bytes".to_owned(),
        (_, example) => example.to_string(),
    };
    for (media_type, content) in &bodies {
        let body = text(media_type, content);
        operation.send(address, None, None, Some((media_type, &body))).await?;
    }
    let body = bodies.first().map(|(media_type, content)| (media_type, text(media_type, content)));
    let body = body.as_ref().map(|(media_type, text)| (media_type.as_str(), text.as_str()));
    if body.is_none() {
        operation.send(address, None, None, None).await?;
    }
    // Examples of parameters that go to the body are those of the query.
    for pair in operation.examples("query")?.iter().filter(|_| operation.path != "/publish") {
        operation.send(address, Some(pair), None, body).await?;
    }
    for pair in &operation.examples("header")? {
        operation.send(address, None, Some(pair), body).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_description_is_what_the_server_answers() -> Result<()> {
    within(60, async {
        let folder = tempfile::tempdir()?;
        let settings = folder.path().join("tidewire.toml");
        fs::write(&settings, "[channels.\"chat.*\"]\npresence = true\n")?;
        let settings = settings.to_str().context("no UTF-8")?;
        let server = Server::start(&["--config", settings]).await?;
        let address = server.address();
        let document = get(address, "/openapi.json", &[]).await?.json().await?;
        ensure!(document["openapi"] == "3.2.0", "{document}");
        let paths = document["paths"].as_object().context("no paths")?;
        // What is published first is there for those that read.
        let order = |path: &&String| !path.starts_with("/publish");
        let mut names: Vec<_> = paths.keys().collect();
        names.sort_by_key(order);
        for path in names {
            let operations = paths[path].as_object().context("no operations")?;
            for (method, described) in operations {
                let method = method.to_ascii_uppercase();
                let operation = Operation { path, method, described };
                try_all(address, &operation).await.with_context(|| path.clone())?;
            }
            check_allow(address, path, operations).await?;
        }
        let streams = get(address, "/asyncapi.json", &[]).await?.json().await?;
        ensure!(streams["asyncapi"] == "3.0.0", "{streams}");
        Ok(())
    })
    .await
}

/// The methods that are described are those that the path allows.
async fn check_allow(
    address: SocketAddr,
    path: &str,
    operations: &Map<String, Value>,
) -> Result<()> {
    let target = path.replace(['{', '}'], "");
    let request = format!("OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = exchange(address, request.as_bytes()).await?;
    let allow = answer.header("allow").context("no Allow")?;
    let allowed = allow.split(", ").filter(|method| !["HEAD", "OPTIONS"].contains(method));
    for method in allowed {
        let is_described = operations.contains_key(&method.to_ascii_lowercase());
        ensure!(is_described, "{path} allows {method}, which is not described");
    }
    ensure!(answer.status == 204 && allow.contains("OPTIONS"), "{path}: {allow}");
    Ok(())
}
