//! The steps of a plan, done.

use super::{Client, HEARTBEAT_MS, Subscription, World, now_ms};
use crate::{
    clients::{
        outage::Outage,
        plan::{Act, Beginning, CHANNELS},
        record::Record,
        truth::{payload, place, spell},
    },
    peers::http,
    server::Server,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tidewire_protocol::Position;

impl World<'_> {
    pub(super) async fn act(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Subscribe { client, channels, since } => {
                self.subscribe(*client, channels.clone(), *since).await
            }
            Act::Unsubscribe { subscription } => self.unsubscribe(*subscription).await,
            Act::Position { subscription } => self.ask("position", *subscription).await,
            Act::Publish { count } => self.publish(*count).await,
            Act::ClientPublish { client, count } => self.client_publish(*client, *count).await,
            Act::Begin { client, outage } => self.begin(*client, *outage),
            Act::End { client, outage } => self.finish(*client, *outage),
            Act::Restart { kill, down_ms } => self.stop(*kill, *down_ms).await,
            Act::Close { client } => self.close(*client).await,
        }
    }

    async fn subscribe(
        &mut self,
        client: usize,
        channels: Vec<&'static str>,
        beginning: Beginning,
    ) -> Result<()> {
        let subscription = self.subscriptions.len();
        let start = match beginning {
            Beginning::Where { subscription } => self.record(subscription)?.end(),
            _ => None,
        };
        let since = match (beginning, start) {
            (_, Some(start)) => spell(start),
            (Beginning::Earliest, None) => "earliest".to_owned(),
            (Beginning::Hour, None) => "1h".to_owned(),
            (Beginning::Now | Beginning::Where { .. }, None) => "now".to_owned(),
        };
        let command = json!({
            "do": "subscribe", "client": client, "subscription": subscription, "channels": channels, "since": since,
        });
        self.driver.send(&command).await?;
        self.tally.subscriptions += 1;
        self.tally.resumed += usize::from(start.is_some());
        let record = Record::new(channels, beginning, start);
        self.subscriptions.push(Subscription { client, record });
        Ok(())
    }

    /// Ends a subscription, and waits until it has said where.
    async fn unsubscribe(&mut self, subscription: usize) -> Result<()> {
        self.ask("unsubscribe", subscription).await?;
        let asked = Instant::now();
        while self.record(subscription)?.is_open() {
            ensure!(asked.elapsed() < ANSWER_WAIT, "subscription {subscription} does not end");
            self.receive_until(Instant::now() + LOOK_AGAIN).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, what: &str, subscription: usize) -> Result<()> {
        let found = self.subscriptions.get(subscription).context("no such subscription")?;
        let client = found.client;
        let command = json!({"do": what, "client": client, "subscription": subscription});
        self.driver.send(&command).await
    }

    /// Publishes messages to all channels in turn, past the proxies.
    pub(super) async fn publish(&mut self, count: usize) -> Result<()> {
        if self.server.is_none() || count == 0 {
            return Ok(());
        }
        let channels = CHANNELS.iter().cycle().take(count);
        let messages: Vec<(u64, &str)> =
            channels.map(|channel| (self.truth.next(channel), *channel)).collect();
        let items = messages
            .iter()
            .map(|(serial, channel)| json!({"channel": channel, "data": payload(*serial)}));
        let body = json!({ "messages": items.collect::<Vec<_>>() }).to_string();
        let (token, json) = (self.authorization()?, ("Content-Type", "application/json"));
        let headers: Vec<(&str, &str)> =
            token.iter().map(|token| ("Authorization", &**token)).chain([json]).collect();
        let answer = http::post(self.address, "/publish", &headers, body.as_bytes()).await?;
        let answer = answer.json().await?;
        let results = answer.get("results").and_then(Value::as_array);
        let results = results.with_context(|| format!("no results: {answer}"))?;
        ensure!(results.len() == count, "{answer}");
        for ((serial, _), result) in messages.iter().zip(results) {
            let position = result.get("position").and_then(Value::as_str);
            let position: Position = position.with_context(|| answer.to_string())?.parse()?;
            self.truth.note(*serial, place(position))?;
        }
        Ok(())
    }

    /// The header of a request past the proxies, where tokens are asked for.
    pub(super) fn authorization(&self) -> Result<Option<String>> {
        let token = self.plan.server.tokens.then(|| Self::token(60_000)).transpose()?;
        Ok(token.map(|token| format!("Bearer {token}")))
    }

    async fn client_publish(&mut self, client: usize, count: usize) -> Result<()> {
        for number in 0..count {
            let at = (number + client) % CHANNELS.len();
            let channel = CHANNELS.get(at).context("no channel")?;
            let serial = self.truth.next(channel);
            self.publishing.enter_call(client, serial);
            let command = json!({
                "do": "publish", "client": client, "publish": serial, "channel": channel, "data": payload(serial),
            });
            self.driver.send(&command).await?;
        }
        Ok(())
    }

    fn begin(&mut self, client: usize, outage: Outage) -> Result<()> {
        let Client { proxy, broken, .. } = self.client(client)?;
        proxy.set(outage.faults());
        if let Some(ending) = outage.cut_before() {
            proxy.cut(ending);
        }
        *broken = Some((now_ms()?, proxy.accepted()));
        self.tally.outages += 1;
        Ok(())
    }

    pub(super) fn finish(&mut self, client: usize, outage: Outage) -> Result<()> {
        let now_ms = now_ms()?;
        let Client { proxy, broken, liveness, .. } = self.client(client)?;
        let Some((from_ms, accepted)) = broken.take() else { return Ok(()) };
        if outage.is_dead() {
            liveness.enter_dead(from_ms, now_ms);
        }
        if outage.is_silent() && proxy.accepted() == accepted {
            liveness.enter_silent(from_ms, now_ms);
        }
        proxy.set(crate::proxy::Faults::default());
        if let Some(ending) = outage.cut_after() {
            proxy.cut(ending);
        }
        Ok(())
    }

    async fn stop(&mut self, kill: bool, down_ms: u64) -> Result<()> {
        // What is lost with it was there all the same.
        self.read_history().await?;
        let Some(mut server) = self.server.take() else { return Ok(()) };
        if kill {
            server.kill().await?;
        } else {
            server.terminate().await?;
        }
        self.restart = Some(Instant::now() + Duration::from_millis(down_ms));
        self.tally.restarts += 1;
        Ok(())
    }

    pub(super) async fn start_again(&mut self) -> Result<()> {
        self.restart = None;
        let words: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.server = Some(Server::start_at(self.address, &words).await?);
        self.note("the server is back".to_owned());
        Ok(())
    }

    async fn close(&mut self, client: usize) -> Result<()> {
        let mine = self.subscriptions.iter().enumerate();
        let mine = mine.filter(|(_, it)| it.client == client && it.record.is_open());
        let mine: Vec<usize> = mine.map(|(subscription, _)| subscription).collect();
        for subscription in mine {
            self.unsubscribe(subscription).await?;
        }
        self.driver.send(&json!({"do": "close", "client": client})).await?;
        self.client(client)?.is_open = false;
        self.publishing.enter_closed(client);
        Ok(())
    }
}

/// Two heartbeats may be missed, and the third is due half a heartbeat later: what the protocol recommends.
pub(super) const SILENCE_MS_MAX: u64 = HEARTBEAT_MS * 5 / 2;
const ANSWER_WAIT: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
