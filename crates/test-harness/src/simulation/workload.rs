//! What happens in a world while it is not yet healed: publishes, requests, faults, restarts.

use super::{
    checkers::Follow,
    client::{Ask, spell},
    clock::time,
    history::serial_in,
    model_outcome::{Source, is_allowed},
    session::Core,
    settings,
    wire_reader::Manner,
    world::World,
};
use tidewire_broker::{Content, Draft, Options, Repeats};
use tidewire_connection::Wire;
use tidewire_protocol::{
    Bookmark, ClientMessage, Data, History, Position, Presence, Publish, Since,
};
use ws_frame::{CloseCode, Kind};

impl World {
    /// Something happens, or nothing.
    pub(crate) fn disturb(&mut self) -> Result<(), String> {
        if self.rng.u8(..) < 110 {
            for _ in 0..self.rng.usize(1..6) {
                self.publish_anything()?;
            }
        }
        if self.rng.u8(..) < self.settings.faults {
            let at = self.rng.usize(..self.clients.len());
            self.break_link(at);
        }
        if self.rng.u8(..) < 60 {
            let at = self.rng.usize(..self.clients.len());
            self.act(at);
        }
        if self.rng.u8(..) < 20 {
            let at = self.rng.usize(..self.clients.len());
            self.replace_grant(at);
        }
        if self.rng.u8(..) < 40 {
            let count = self.rng.usize(1..10);
            self.sweep(count)?;
        }
        if self.rng.u8(..) < 10 {
            self.read_anything()?;
        }
        if self.rng.u8(..) < 4 {
            self.dismiss();
        }
        if self.settings.is_durable && self.rng.u8(..) < 4 {
            self.engine.copy(&self.history);
        }
        if self.rng.u16(..) < if self.settings.is_durable { 700 } else { 200 } {
            self.restart()?;
        }
        Ok(())
    }

    /// Something befalls a client's link, or the client.
    fn break_link(&mut self, at: usize) {
        let (rng, now_ms) = (&mut self.rng, self.now_ms);
        let Some(client) = self.clients.get_mut(at) else { return };
        let session = client.session.and_then(|number| self.sessions.get_mut(&number));
        let Some(session) = session else { return };
        let wait_ms = rng.u64(1..6_000);
        let fault = rng.u8(..7);
        self.trace.note(now_ms, || format!("client {at}: fault {fault}, {wait_ms} ms"));
        match fault {
            0 | 1 => {
                // Cut in both directions; the server may never learn of it.
                session.down.cut(rng.usize(0..=session.down.len()));
                if rng.bool() {
                    session.up.cut(rng.usize(0..=session.up.len()));
                }
            }
            2 => session.down.stalled_until_ms = now_ms + wait_ms,
            3 => session.up.stalled_until_ms = now_ms + wait_ms,
            4 => client.deaf_until_ms = now_ms + wait_ms,
            5 => {
                // Dead in one direction or both, and neither end is informed.
                let ways = rng.u8(..4);
                if ways != 0 {
                    session.down.swallow(now_ms);
                }
                if ways != 1 {
                    session.up.swallow(now_ms);
                }
            }
            _ => {
                // The client is gone without a word, and comes back later.
                client.disconnect(now_ms + wait_ms / 4, &mut self.tally);
            }
        }
    }

    fn dismiss(&mut self) {
        let (retry_ms, grace_ms) = (self.rng.u64(0..1_000), self.rng.u64(0..6_000));
        let live =
            self.sessions.values_mut().filter(|session| matches!(session.core, Core::Live(_)));
        let Some(session) = self.rng.choice(live.collect::<Vec<_>>()) else { return };
        if let Core::Live(connection) = &mut session.core {
            connection.dismiss(retry_ms, grace_ms, time(self.now_ms));
            session.alarm.ring();
        }
    }

    /// A client says something of its own accord.
    fn act(&mut self, at: usize) {
        let Some(client) = self.clients.get(at) else { return };
        let Manner::Live(wire @ (Wire::WebSocket(_) | Wire::Tidewire)) = client.manner else {
            return;
        };
        if client.session.is_none() || client.is_done {
            return;
        }
        let is_program = client.program.is_some();
        let act = self.rng.u8(..64);
        self.trace.note(self.now_ms, || format!("client {at}: act {act}"));
        match act {
            0 => self.clients.get_mut(at).into_iter().for_each(|client| {
                // An unmasked frame.
                client.output.extend_from_slice(b"\x81\x01x");
                client.is_done = true;
            }),
            1 => self.clients.get_mut(at).into_iter().for_each(|client| {
                client.say_close(CloseCode::NORMAL, &mut self.rng);
            }),
            2..6 => self.clients.get_mut(at).into_iter().for_each(|client| {
                let count = if act == 2 { 100 } else { 1 };
                (0..count).for_each(|_| client.say_ping(&mut self.rng));
            }),
            // A program keeps to what it follows.
            _ if is_program => {}
            _ if wire == Wire::Tidewire => self.ask(at, act),
            _ => self.publish_raw(at),
        }
    }

    /// A raw client publishes, which it may if it follows one channel.
    fn publish_raw(&mut self, at: usize) {
        let Some([follow]) = self.clients.get(at).map(|client| &client.follower.follows[..]) else {
            return;
        };
        let Some(channel) = settings::channel_named(&follow.pattern) else { return };
        let Options { publishers, compaction, .. } = self.settings.options(channel);
        // A connection that publishes without a required key would be disconnected.
        if compaction.is_some() && is_allowed(publishers, Source::Connection) {
            return;
        }
        let draft = Draft { id: None, ..self.draft(channel) };
        let Some(client) = self.clients.get_mut(at) else { return };
        client.oversteps |= !is_allowed(publishers, Source::Connection);
        match &draft.content {
            Content::Text(text) => client.say(Kind::Text, text.as_bytes(), &mut self.rng),
            Content::Binary(bytes) => client.say(Kind::Binary, bytes, &mut self.rng),
            Content::Json(_) | Content::Nothing => {}
        }
    }

    fn ask(&mut self, at: usize, act: u8) {
        match act {
            6..20 => self.subscribe_late(at),
            20..28 => self.unsubscribe(at),
            28..46 => self.publish_by_request(at),
            46 => (0..60).for_each(|_| self.ask_history(at)),
            47..56 => self.ask_history(at),
            56..60 => self.ask_members(at),
            _ => self.ask_nonsense(at),
        }
    }

    fn subscribe_late(&mut self, at: usize) {
        let (epoch, rng) = (self.engine.broker.epoch(), &mut self.rng);
        let Some(client) = self.clients.get_mut(at) else { return };
        let pattern = self.settings.pattern(rng);
        if !client.is_free(pattern) || !client.has_places() {
            return;
        }
        let known = client.follower.follows.iter().filter_map(|follow| follow.place).next();
        let past = known.filter(|place| place.epoch == epoch && rng.bool());
        let past = past.map(|place| Position { epoch, offset: rng.u64(0..=place.offset) });
        let page_end = client.page_end.filter(|place| place.epoch == epoch && rng.bool());
        let place = page_end.or(past);
        self.tally.chained += u64::from(page_end.is_some());
        self.tally.late += u64::from(place.is_some());
        client.subscribe(Follow::new(pattern, place, rng.bool()), rng);
    }

    fn unsubscribe(&mut self, at: usize) {
        let Some(client) = self.clients.get_mut(at) else { return };
        let [_, .., last] = &client.follower.follows[..] else { return };
        let has_members = |follow: &&Follow| self.settings.has_presence(&follow.pattern);
        let with_members = client.follower.follows.iter().find(has_members);
        let channel = with_members.unwrap_or(last).pattern.clone();
        let asked = |ask: &Ask| matches!(ask, Ask::Unsubscribe(asked) if *asked == channel);
        if client.asks.values().any(asked) {
            return;
        }
        client.ask(Ask::Unsubscribe(channel.clone()), &mut self.rng, |id| {
            format!(r#"{{"type":"unsubscribe","id":{id},"channel":"{channel}"}}"#)
        });
    }

    fn publish_by_request(&mut self, at: usize) {
        let mut channel = self.settings.channel(&mut self.rng);
        let mut draft = self.draft(channel);
        if let Some((again, named)) = self.rng.choice(&self.named).cloned()
            && self.rng.u8(..4) == 0
            && self.settings.options(again).repeats == Repeats::default()
        {
            (channel, draft) = (again, named);
        }
        let Some(serial) = serial_in(draft.content.as_bytes()) else { return };
        self.keep(channel, &draft);
        let is_quiet = self.rng.u8(..3) == 0;
        let Some(client) = self.clients.get_mut(at) else { return };
        let data = match &draft.content {
            Content::Json(json) => Data::Json(json),
            Content::Text(text) => Data::Text(text),
            Content::Binary(bytes) => Data::Binary(bytes),
            Content::Nothing => Data::Nothing,
        };
        let Ok((data, encoding)) = data.to_json() else { return };
        client.ask(Ask::Publish(serial), &mut self.rng, |id| {
            let publish = Publish {
                id: Some(id),
                channel: channel.into(),
                data: data.as_deref(),
                encoding: encoding.map(Into::into),
                event: draft.event.as_ref().map(|event| event.as_str().into()),
                key: draft.key.as_ref().map(|key| key.as_str().into()),
                message_id: draft.id.as_ref().map(|id| id.as_str().into()),
                traceparent: None,
                echo: is_quiet.then_some(false),
            };
            spell(&ClientMessage::Publish(publish))
        });
    }

    fn ask_history(&mut self, at: usize) {
        let mut ask = self.draw_ask();
        if let Some(Since::After(Bookmark { after, state: None })) = &mut ask.since {
            // By the time it is read, the head may have come there.
            after.offset = after.offset.min(self.engine.broker.head());
        }
        let Some(client) = self.clients.get_mut(at) else { return };
        let text = |place: Option<Since>| place.map(|place| place.to_string().into());
        let (since, before, until) = (text(ask.since), text(ask.before), text(ask.until));
        let (channel, limit) = (ask.pattern.clone().into(), u64::try_from(ask.limit).ok());
        client.ask(Ask::History(ask), &mut self.rng, |id| {
            let history = History { id, channel, since, before, until, limit };
            spell(&ClientMessage::History(history))
        });
    }

    fn ask_members(&mut self, at: usize) {
        let channels: Vec<&str> = self.settings.presence_channels().collect();
        let Some(channel) = self.rng.choice(channels) else { return };
        let (broker, limit) = (&self.engine.broker, self.rng.u64(1..5));
        let place = Position { epoch: broker.epoch(), offset: self.rng.u64(0..=broker.head()) };
        let since = self.rng.bool().then_some(place);
        let Some(client) = self.clients.get_mut(at) else { return };
        let ask = Ask::Presence { channel: channel.to_owned(), since };
        client.ask(ask, &mut self.rng, |id| {
            let since = since.map(|since| since.to_string().into());
            let (channel, limit) = (channel.into(), Some(limit));
            spell(&ClientMessage::Presence(Presence { id, channel, since, limit }))
        });
    }

    fn ask_nonsense(&mut self, at: usize) {
        let nonsense = self.rng.u8(..4);
        let Some(client) = self.clients.get_mut(at) else { return };
        client.ask(Ask::Nonsense, &mut self.rng, |id| match nonsense {
            0 => format!(r#"{{"type":"subscribe","id":{id},"channel":"a b"}}"#),
            1 => format!(r#"{{"type":"unsubscribe","id":{id},"channel":"never.asked"}}"#),
            2 => format!(r#"{{"type":"presence","id":{id},"channel":"$presence.a"}}"#),
            _ => format!(r#"{{"type":"publish","id":{id},"channel":"$system","data":1}}"#),
        });
    }
}
