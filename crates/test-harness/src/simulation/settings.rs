//! What one world is like: drawn from its seed, from roomy to cruel.

use fastrand::Rng;
use tidewire_broker::{
    ChannelName, Label, Limits as BrokerLimits, Options, Pattern, Publishers, Retention, Rule,
    Rules, SlowReaders,
};
use tidewire_connection::{Format, Framing, Heartbeat, Limits, Wire};

use super::{history::PayloadKind, wire_reader::Manner};

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    pub(crate) clients: usize,
    pub(crate) steps: usize,
    pub(crate) channels: usize,
    pub(crate) broker: BrokerLimits,
    pub(crate) limits: Limits,
    /// What a link holds, and how long bytes are under way.
    pub(crate) link_bytes: usize,
    pub(crate) delay_max_ms: u64,
    /// Of 256 steps, in how many something breaks.
    pub(crate) faults: u8,
    pub(crate) may_forget: bool,
    pub(crate) large_payloads: bool,
    /// The broker has a store that outlives the server.
    pub(crate) is_durable: bool,
    /// How often joins and leaves are published.
    pub(crate) presence_interval_ms: u64,
}

impl Settings {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let large_payloads = rng.u8(..) < 40;
        let is_durable = rng.u8(..3) == 0;
        // A store has more to lose by it.
        let may_forget = rng.u8(..) < if is_durable { 100 } else { 25 };
        let link_bytes = match rng.u8(..4) {
            0 => rng.usize(64..500),
            1 => rng.usize(500..5_000),
            _ => rng.usize(5_000..100_000),
        };
        Self {
            workers: rng.usize(1..=3),
            clients: rng.usize(1..=8),
            steps: rng.usize(60..260),
            channels: rng.usize(1..=CHANNELS.len()),
            broker: draw_broker(may_forget, is_durable, rng),
            limits: draw_limits(rng),
            link_bytes: if large_payloads { link_bytes.max(4_000) } else { link_bytes },
            delay_max_ms: if rng.bool() { 0 } else { rng.u64(1..300) },
            faults: rng.u8(0..60),
            may_forget,
            large_payloads,
            is_durable,
            presence_interval_ms: if rng.bool() { rng.u64(20..300) } else { rng.u64(300..2_000) },
        }
    }

    /// The options of a channel of this world.
    pub(crate) fn options(&self, channel: &str) -> Options {
        let name = channel.parse::<ChannelName>();
        name.map_or_else(|_| *self.broker.rules.defaults(), |name| self.broker.rules.of(&name))
    }

    /// Whether this is the name of a channel with presence.
    pub(crate) fn has_presence(&self, name: &str) -> bool {
        let name = name.parse::<ChannelName>();
        name.is_ok_and(|name| !name.is_system() && self.broker.rules.of(&name).presence)
    }

    /// The channels with presence.
    pub(crate) fn presence_channels(&self) -> impl Iterator<Item = &'static str> {
        CHANNELS.into_iter().filter(|name| self.has_presence(name))
    }

    /// What to follow or to read: channels, and in some worlds channels of presence.
    pub(crate) fn pattern(&self, rng: &mut Rng) -> &'static str {
        if self.broker.rules.has_presence() && rng.u8(..3) == 0 {
            return rng.choice(PRESENCE_PATTERNS).unwrap_or("$presence.>");
        }
        pattern(rng)
    }

    pub(crate) fn channel(&self, rng: &mut Rng) -> &'static str {
        CHANNELS.get(rng.usize(..self.channels)).copied().unwrap_or("a")
    }

    pub(crate) fn key(&self, rng: &mut Rng) -> Option<Label> {
        KEYS.get(rng.usize(..KEYS.len()))?.parse().ok()
    }

    /// Whether some channel sends slow readers away.
    pub(crate) fn sends_away(&self) -> bool {
        let mut names = CHANNELS.iter().chain(["$presence.a"].iter());
        names.any(|name| self.options(name).slow_readers == SlowReaders::Disconnect)
    }

    /// A payload's kind and about its size.
    pub(crate) fn payload(&self, rng: &mut Rng) -> (PayloadKind, usize) {
        let kind = match rng.u8(..20) {
            0 => PayloadKind::Tombstone,
            1 => PayloadKind::Empty,
            2..5 => PayloadKind::Binary,
            5..10 => PayloadKind::Json,
            _ => PayloadKind::Text,
        };
        let bytes = match rng.u8(..) {
            0..8 if self.large_payloads => rng.usize(60_000..100_000),
            0..20 => rng.usize(3_000..8_000),
            20..60 => rng.usize(200..1_000),
            _ => rng.usize(0..100),
        };
        (kind, bytes)
    }
}

/// How long until something happens again: mostly soon.
pub(crate) fn pause_ms(rng: &mut Rng) -> u64 {
    match rng.u8(..20) {
        0 => rng.u64(200..1_500),
        1..6 => rng.u64(20..200),
        _ => rng.u64(1..20),
    }
}

fn pattern(rng: &mut Rng) -> &'static str {
    PATTERNS.get(rng.usize(..PATTERNS.len())).copied().unwrap_or(">")
}

/// The channel of this name, if it is one of ours.
pub(crate) fn channel_named(name: &str) -> Option<&'static str> {
    CHANNELS.iter().find(|channel| **channel == name).copied()
}

pub(crate) fn manner(rng: &mut Rng) -> Manner {
    let format = if rng.bool() { Format::Raw } else { Format::Json };
    let framing = if rng.u8(..4) == 0 { Framing::UntilClose } else { Framing::Chunked };
    let heartbeat = if rng.bool() { Heartbeat::Block } else { Heartbeat::Event };
    match rng.u8(..8) {
        0 | 1 => Manner::Live(Wire::Sse { format, framing, heartbeat }),
        2 => Manner::Live(Wire::Stream { format, framing }),
        3 => Manner::Live(Wire::WebSocket(Format::Raw)),
        4 => Manner::Live(Wire::WebSocket(Format::Json)),
        5 => Manner::Poll,
        _ => Manner::Live(Wire::Tidewire),
    }
}

fn draw_broker(may_forget: bool, is_durable: bool, rng: &mut Rng) -> BrokerLimits {
    let roomy = Retention::default();
    let retention = match rng.u8(..6) {
        0 => Retention { messages_max: rng.usize(1..10), ..roomy },
        1 => Retention { bytes_max: rng.usize(500..10_000), ..roomy },
        2 => Retention { age_max_ms: rng.u64(100..3_000), ..roomy },
        _ => roomy,
    };
    let (has_presence, has_all) = (rng.u8(..3) == 0, rng.bool());
    let defaults = Options {
        retention,
        message_bytes_max: MESSAGE_BYTES_MAX,
        presence: has_presence && has_all,
        ..Options::default()
    };
    let count = rng.usize(0..=RULES_MAX);
    let mut rules: Vec<(Pattern, Rule)> =
        (0..count).filter_map(|_| Some((pattern(rng).parse().ok()?, draw_rule(rng)))).collect();
    if has_presence {
        let rule = Rule { presence: Some(!has_all), ..Rule::default() };
        rules.extend(pattern(rng).parse().ok().map(|pattern| (pattern, rule)));
        let of_all = "$presence.>".parse().ok();
        let is_roomy = retention == roomy;
        rules.extend(of_all.map(|pattern| (pattern, draw_presence_rule(is_roomy, rng))));
    }
    BrokerLimits {
        rules: Rules::new(defaults, rules),
        bytes_max: match rng.u8(..4) {
            // Most reading is from the store then.
            0 | 1 if is_durable => rng.usize(300..5_000),
            0 => rng.usize(3_000..60_000),
            _ => 256 << 20,
        },
        dead_channels_max: if may_forget { rng.usize(0..3) } else { 10_000 },
    }
}

/// How much of presence is retained: often all of it, except leaves.
///
/// These channels do not disconnect slow readers, because one round may publish more than is retained: members who
/// follow each other would leave and join for ever.
fn draw_presence_rule(is_roomy: bool, rng: &mut Rng) -> Rule {
    let retention_messages = rng.bool().then(|| rng.usize(1..4));
    let is_roomy = is_roomy && retention_messages.is_none();
    Rule {
        keys_max: (rng.u8(..6) == 0).then(|| rng.usize(1..4)),
        retention_messages,
        slow_readers: (rng.u8(..4) == 0 && is_roomy).then_some(SlowReaders::Disconnect),
        ..Rule::default()
    }
}

/// What is different in some channels.
fn draw_rule(rng: &mut Rng) -> Rule {
    let mut rule = Rule::default();
    if rng.bool() {
        rule.compact = Some(true);
        rule.retention_messages = rng.bool().then(|| rng.usize(1..4));
        rule.retention_age_ms = (rng.u8(..4) == 0).then(|| rng.u64(100..3_000));
        rule.keys_max = rng.bool().then(|| rng.usize(1..KEYS.len()));
        rule.keys_bytes_max = (rng.u8(..4) == 0).then(|| rng.usize(500..5_000));
        rule.keys_age_ms = (rng.u8(..3) == 0).then(|| rng.u64(200..4_000));
    }
    if rng.bool() {
        rule.slow_readers = Some(SlowReaders::Disconnect);
    }
    if rng.u8(..4) == 0 {
        rule.publishers = Some(if rng.bool() { Publishers::Requests } else { Publishers::Nobody });
    }
    if rng.bool() {
        rule.repeats_ids = Some(rng.usize(1..6));
        rule.repeats_age_ms = Some(rng.u64(100..3_000));
    }
    rule
}

fn draw_limits(rng: &mut Rng) -> Limits {
    Limits {
        heartbeat_ms: rng.u64(100..2_000),
        pong_wait_ms: rng.u64(100..1_500),
        stall_ms: rng.u64(200..3_000),
        close_wait_ms: rng.u64(50..1_000),
        expiry_notice_ms: rng.u64(0..2_000),
        gather_bytes_max: if rng.bool() { rng.usize(1..3_000) } else { 64 << 10 },
        message_bytes_max: MESSAGE_BYTES_MAX,
        replies_bytes_max: if rng.bool() { rng.usize(300..3_000) } else { 64 << 10 },
        ..Limits::default()
    }
}

pub(crate) const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// Rules of one world beside its defaults.
const RULES_MAX: usize = 4;

const KEYS: [&str; 5] = ["k1", "k2", "k3", "k\u{e9}y \"7\"", "k5"];

const CHANNELS: [&str; 6] = ["a", "b", "b.x", "b.y", "c.x.z", "d"];

const PATTERNS: [&str; 12] =
    ["a", "b", "b.x", "b.y", "c.x.z", "d", ">", "*", "b.*", "b.>", "*.x", "*.x.>"];

const PRESENCE_PATTERNS: [&str; 5] =
    ["$presence.a", "$presence.b", "$presence.b.*", "$presence.*", "$presence.>"];
