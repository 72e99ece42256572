//! The end of a world: everything works again, everybody comes back, and all that is owed arrives.

use super::{Client, World, acts::SILENCE_MS_MAX};
use crate::{
    clients::{
        driver::Message,
        plan::CHANNELS,
        truth::{Place, selects},
    },
    peers::http,
};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

impl World<'_> {
    pub(super) async fn end(&mut self) -> Result<()> {
        if self.restart.is_some() {
            self.start_again().await?;
        }
        self.note("nothing is broken any more".to_owned());
        let ended = Instant::now();
        while let Some(reason) = self.not_yet() {
            let after = ended.elapsed();
            ensure!(after < RECOVERY_MAX, "{after:?} after the last fault {reason}");
            self.receive_until(Instant::now() + LOOK_AGAIN).await?;
        }
        let last = self.publish_last().await?;
        while let Some(reason) = self.not_given(&last) {
            let after = ended.elapsed();
            ensure!(after < RECOVERY_MAX, "{after:?} after the last fault {reason}");
            self.receive_until(Instant::now() + LOOK_AGAIN).await?;
        }
        self.read_history().await?;
        self.judge()?;
        for client in 0..self.clients.len() {
            if self.client(client)?.is_open {
                self.driver.send(&json!({"do": "close", "client": client})).await?;
            }
        }
        Ok(())
    }

    /// What is not as it was before the faults.
    fn not_yet(&self) -> Option<String> {
        for (number, client) in self.clients.iter().enumerate() {
            let follows = |it: &&super::Subscription| it.client == number && it.record.is_open();
            let mut mine = self.subscriptions.iter().enumerate().filter(|(_, it)| follows(it));
            let is_used = client.is_open && mine.clone().next().is_some();
            if is_used && !client.liveness.is_live() {
                return Some(format!("client {number} is not live"));
            }
            if let Some((subscription, _)) = mine.find(|(_, it)| !it.record.has_begun()) {
                return Some(format!(
                    "subscription {subscription} of client {number} has not begun"
                ));
            }
        }
        let serial = self.publishing.unanswered()?;
        Some(format!("publish {serial} has no answer"))
    }

    /// Publishes once more to each channel: what follows these messages is owed to nobody.
    async fn publish_last(&mut self) -> Result<Vec<(Place, &'static str)>> {
        let before = self.truth.len();
        self.publish(CHANNELS.len()).await?;
        ensure!(self.truth.len() == before + CHANNELS.len(), "the last messages are not new");
        Ok(self.truth.newest(CHANNELS.len()))
    }

    /// A subscription that lacks one of these.
    fn not_given(&self, last: &[(Place, &str)]) -> Option<String> {
        let open = self.subscriptions.iter().enumerate().filter(|(_, it)| it.record.is_open());
        for (number, subscription) in open {
            let record = &subscription.record;
            let is_owed =
                |channel: &str| record.patterns().iter().any(|pattern| selects(pattern, channel));
            let mut owed = last.iter().filter(|(_, channel)| is_owed(channel));
            if let Some((place, channel)) = owed.find(|(place, _)| !record.has(*place)) {
                let client = subscription.client;
                return Some(format!(
                    "subscription {number} of client {client} has not been given {place:?} of {channel}"
                ));
            }
        }
        None
    }

    /// Takes in what the server has, if it is up.
    pub(super) async fn read_history(&mut self) -> Result<()> {
        if self.server.is_none() {
            return Ok(());
        }
        let mut since = "earliest".to_owned();
        loop {
            let token = self.authorization()?;
            let headers: Vec<(&str, &str)> =
                token.iter().map(|token| ("Authorization", &**token)).collect();
            let path = format!("/channels/%3E/messages?since={since}&limit=1000");
            let page = http::get(self.address, &path, &headers).await?.json().await?;
            let messages = page.get("messages").and_then(Value::as_array);
            for message in messages.with_context(|| format!("no messages: {page}"))? {
                let message: Message = serde_json::from_value(message.clone())?;
                self.truth.note_message(&message)?;
            }
            if page.get("more") != Some(&json!(true)) {
                return Ok(());
            }
            let next = page.get("position").and_then(Value::as_str).context("no position")?;
            if next == since {
                bail!("history does not go on after {since}");
            }
            next.clone_into(&mut since);
        }
    }

    fn judge(&mut self) -> Result<()> {
        let keeps_all = self.plan.server.retention.is_none();
        for (number, subscription) in self.subscriptions.iter().enumerate() {
            let checked = subscription.record.check(&self.truth, keeps_all);
            checked.with_context(|| {
                format!("subscription {number} of client {}", subscription.client)
            })?;
        }
        self.publishing.check(&self.truth)?;
        let silence_ms_max = SILENCE_MS_MAX + SLACK_MS + self.lag_ms;
        for (number, Client { liveness, .. }) in self.clients.iter().enumerate() {
            liveness.check(silence_ms_max).with_context(|| format!("client {number}"))?;
            self.tally.returns += liveness.times_live().saturating_sub(1);
        }
        self.tally.published = self.truth.len();
        Ok(())
    }
}

/// A client waits longer after each failure, and every step of connecting may take some time.
const RECOVERY_MAX: Duration = Duration::from_secs(15);
/// What timers and pipes may add.
const SLACK_MS: u64 = 150;
const LOOK_AGAIN: Duration = Duration::from_millis(5);
