//! How messages come into a world, and how its server ends and begins again.

use super::{
    clock::time,
    history::payload,
    model_outcome::{ModelOutcome, Source, expected_outcome, is_same},
    session::Core,
    world::{World, open_workers},
};
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tidewire_broker::{Content, Draft, Grant, Options, Publishing, Repeats};

impl World {
    /// Publishes something, as `POST /publish` would.
    pub(crate) fn publish_anything(&mut self) -> Result<(), String> {
        if self.rng.u8(..12) == 0
            && let Some((channel, draft)) = self.rng.choice(&self.named).cloned()
            && self.is_distinguishable(channel, &draft)
        {
            return self.publish(draft, channel);
        }
        let channel = self.settings.channel(&mut self.rng);
        let draft = self.draft(channel);
        self.keep(channel, &draft);
        self.publish(draft, channel)
    }

    /// Takes a message into the log, as `POST /publish` would.
    pub(crate) fn publish(&mut self, draft: Draft, channel: &str) -> Result<(), String> {
        let name = channel.parse().map_err(|error| format!("{channel}: {error}"))?;
        let permit = Grant::open().permit(&name).map_err(|error| error.to_string())?;
        let now_ms = time(self.now_ms).wall_ms;
        let (history, tally) = (&mut self.history, &mut self.tally);
        let given = (draft.clone(), Source::Request);
        let publishing = self.engine.publish(permit, given, now_ms, history, tally)?;
        self.trace.note(self.now_ms, || {
            let Draft { key, id, .. } = &draft;
            format!("{channel} gets {} bytes, {key:?}, {id:?}: {publishing:?}", draft.bytes())
        });
        if let Publishing::Waiting(_) = publishing {
            self.waiting.push((channel.to_owned(), draft, publishing));
        }
        Ok(())
    }

    /// Lets a store take what waits, and looks at its answers.
    pub(crate) fn commit(&mut self) -> Result<(), String> {
        let now_ms = time(self.now_ms).wall_ms;
        if self.is_healed || self.rng.u8(..) < 150 {
            let count = if self.is_healed { usize::MAX } else { self.rng.usize(1..10) };
            let epoch = self.engine.broker.epoch();
            let before = self.history.head(epoch);
            self.engine.commit(count, now_ms, &mut self.history, &mut self.tally)?;
            for (offset, entry) in self.history.between(epoch, before, self.history.head(epoch)) {
                self.trace.note(self.now_ms, || format!("{offset} is stored in {}", entry.channel));
            }
        }
        let mut context = Context::from_waker(Waker::noop());
        for (channel, draft, mut publishing) in std::mem::take(&mut self.waiting) {
            match Pin::new(&mut publishing).poll(&mut context) {
                Poll::Pending => self.waiting.push((channel, draft, publishing)),
                Poll::Ready(Err(_)) => {}
                Poll::Ready(Ok(position)) => {
                    self.tally.waited += 1;
                    let entry = self.history.entry(position.epoch, position.offset);
                    if entry.is_none_or(|it| !is_same(&it.draft, &draft) || it.channel != channel) {
                        return Err(format!("{draft:?} was answered with {position:?}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// A round of sweeping that looks at `count` channels.
    pub(crate) fn sweep(&mut self, count: usize) -> Result<(), String> {
        let now_ms = time(self.now_ms).wall_ms;
        self.engine.sweep(count, now_ms, &mut self.history, &mut self.tally)
    }

    /// A draft that nobody has published before, though its id may have been.
    pub(crate) fn draft(&mut self, channel: &'static str) -> Draft {
        let Options { compaction, .. } = self.settings.options(channel);
        let (kind, bytes) = self.settings.payload(&mut self.rng);
        let serial = self.history.next_serial();
        let mut draft = Draft::new(payload(kind, serial, channel, bytes));
        self.history.payload_bytes_max = self.history.payload_bytes_max.max(draft.bytes());
        if self.rng.u8(..4) == 0 {
            draft.event = "said".parse().ok();
        }
        let has_key = if compaction.is_some() { 15 } else { 4 };
        if self.rng.u8(..16) < has_key {
            draft.key = self.settings.key(&mut self.rng);
        }
        if compaction.is_some() && self.rng.u8(..8) == 0 {
            draft.content = Content::Nothing;
        }
        match self.rng.u8(..16) {
            0 => draft.id = format!("name {}", self.rng.u8(..4)).parse().ok(),
            1..4 => draft.id = format!("name of {serial}").parse().ok(),
            _ => {}
        }
        draft
    }

    /// Keeps a message that may be published again, by its id.
    pub(crate) fn keep(&mut self, channel: &'static str, draft: &Draft) {
        if draft.id.is_some() {
            self.named.push_front((channel, draft.clone()));
            self.named.truncate(NAMED_MAX);
        }
    }

    /// Whether a repeat of this would be recognised: two messages with the same payload could not be distinguished on
    /// a raw transport.
    pub(crate) fn is_distinguishable(&self, channel: &str, draft: &Draft) -> bool {
        let options = self.settings.options(channel);
        let epoch = self.engine.broker.epoch();
        let now_ms = self.engine.steady(time(self.now_ms).wall_ms);
        let given = (draft, Source::Request);
        let expected = || expected_outcome(&self.history, epoch, channel, given, &options, now_ms);
        options.repeats == Repeats::default()
            || !self.settings.is_durable && matches!(expected(), ModelOutcome::Before(_))
    }

    /// The server's process ends and another begins: of a log in memory all is gone but the
    /// clients' places, of a durable one what was not answered may be.
    pub(crate) fn restart(&mut self) -> Result<(), String> {
        for session in self.sessions.values_mut() {
            session.core = Core::Over;
            session.down.cut(0);
        }
        self.waiting.clear();
        let before = self.engine.broker.epoch();
        let restored = match self.rng.u8(..4) {
            0 => self.engine.restore(&self.settings.broker, &mut self.history, &mut self.rng)?,
            _ => None,
        };
        match restored {
            Some(head) => {
                self.tally.restored += 1;
                self.clients.iter_mut().for_each(|client| client.lose_after(before, head));
            }
            None => self.engine.restart(&self.settings.broker, &self.history, &mut self.rng),
        }
        self.restart_presence();
        self.workers = open_workers(&self.engine.broker, &self.settings)?;
        let count = if self.settings.is_durable {
            &mut self.tally.crashes
        } else {
            &mut self.tally.restarts
        };
        *count += 1;
        let epoch = self.engine.broker.epoch();
        self.trace.note(self.now_ms, || format!("the server restarts, epoch {epoch}"));
        Ok(())
    }
}

/// Messages that may be published again.
const NAMED_MAX: usize = 8;
