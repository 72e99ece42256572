//! `tidewire health`: whether a server is ready, as an exit status. For the health check of a container, which has
//! no other program, and for scripts that wait for a server.

use super::server::ServerUrl;
use crate::{
    config::{Endpoint, Span},
    terminal::TerminalOutput,
};
use anyhow::Context as _;
use std::{env, io::Write as _, time::Duration};
use tidewire_client::Client;

/// Exit with 0 if a server is ready for clients, and with 1 if not.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct HealthCommand {
    /// The URL of the server. Without it, the first address of TIDEWIRE_LISTEN, and without that
    /// http://127.0.0.1:8080.
    #[arg(long, env = "TIDEWIRE_URL", hide_env_values = true)]
    url: Option<ServerUrl>,
    /// How long the server may take to answer.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    timeout: Span,
    /// Print nothing on standard error except errors.
    #[arg(long, short)]
    quiet: bool,
}

impl HealthCommand {
    /// Asks the server once.
    ///
    /// # Errors
    ///
    /// It is not ready, or does not answer; the text says which of both, and why.
    pub async fn run(self) -> anyhow::Result<()> {
        let url = match self.url {
            Some(url) => url,
            None => url_of(env::var("TIDEWIRE_LISTEN").ok().as_deref())?,
        };
        let timeout = Duration::from_millis(self.timeout.millis());
        let client = Client::builder(url.as_str()).connect_timeout(timeout);
        let client = client.request_timeout(timeout).build()?;
        let ready = client.check_ready().await;
        ready.with_context(|| format!("the server at {url} is not ready"))?;
        if !self.quiet {
            let _ = writeln!(TerminalOutput::stderr(), "the server at {url} is ready");
        }
        Ok(())
    }
}

/// The URL of a server that listens at `listen`, of which the first address counts.
fn url_of(listen: Option<&str>) -> anyhow::Result<ServerUrl> {
    let Some(first) = listen.and_then(|listen| listen.split(',').next()) else {
        return Ok(ServerUrl::default());
    };
    let endpoint: Endpoint = first
        .parse()
        .map_err(anyhow::Error::msg)
        .context("TIDEWIRE_LISTEN names no address; set TIDEWIRE_URL or --url")?;
    Ok(endpoint.local_url().parse()?)
}

const EXAMPLES: &str = "\
Examples:
  until tidewire health --quiet 2> /dev/null; do sleep 1; done
  tidewire health --url https://push.example.com && echo up

A server is ready if its engine stores messages and it does not shut down.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_url_it_asks_where_the_server_listens() {
        for (listen, url) in [
            (None, "http://127.0.0.1:8080"),
            (Some("0.0.0.0:9000,[::1]:80"), "http://127.0.0.1:9000"),
            (Some("https://localhost:8443"), "https://localhost:8443"),
        ] {
            assert_eq!(url_of(listen).unwrap().to_string(), url);
        }
        let error = format!("{:#}", url_of(Some("nowhere")).unwrap_err());
        assert!(
            error.contains("set TIDEWIRE_URL or --url") && error.contains("nowhere"),
            "{error}"
        );
    }
}
