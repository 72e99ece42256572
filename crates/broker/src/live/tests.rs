//! The short way beside the long one, on logs and readers made at random.

use super::*;
use crate::listing::Listing;
use crate::{
    ChannelName, Content, Draft, Grant, HistoryPermit, Limits, Options, Position, ReadContext,
    Retention, Rules, Start, SubscribePermit,
};

/// What a read found, in comparable form.
type Found = (Vec<String>, u64, bool, bool, usize);

#[test]
fn the_short_way_finds_what_the_long_way_finds() {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut short, mut with_news, mut shared) = (0, 0, 0);
    for _ in 0..4_000 {
        let (broker, head) = random_log(&mut random);
        let read_limit = random.u64(0..=head);
        let bytes_max = random.usize(1..400);
        let mut gathered = Gathered::default();
        let wish = Wish::at_random(&mut random, head);
        let mut reader = wish.reader(&broker);
        if reader.gather_live(&broker, read_limit, bytes_max, &mut gathered) {
            let found = found(&gathered);
            short += 1;
            with_news += usize::from(!found.0.is_empty());
            let (long, after, wild) =
                long_way(&mut wish.reader(&broker), &broker, read_limit, bytes_max);
            assert_eq!(found, long);
            reader.advance(&gathered, gathered.items.len());
            assert_eq!((reader.cursors[0].after, &reader.cursors[0].wild), (after, &wild));
        } else {
            gathered.clear();
        }
        let mut other = Wish::at_random(&mut random, head).reader(&broker);
        if random.u8(0..4) == 0 {
            publish(&mut random, &broker);
        }
        if other.would_find(&broker, read_limit, bytes_max, &gathered) {
            shared += 1;
            let (long, ..) = long_way(&mut other, &broker, read_limit, bytes_max);
            assert_eq!(found(&gathered), long);
        }
    }
    assert!(short > 500 && with_news > 200 && shared > 50, "{short} {with_news} {shared}");
}

#[test]
fn what_is_removed_meanwhile_is_not_handed_to_the_next_reader() {
    let retention = Retention { messages_max: 1, ..Retention::default() };
    let broker = Broker::new(1, Limits { rules: Rules::keeping(retention), ..Limits::default() });
    let reader = || {
        let mut reader = Reader::default();
        reader.follow(&broker, &[may_read("a")], Start::Now);
        reader
    };
    let readers = [reader(), reader()];
    let publish = || {
        let permit = Grant::open().permit(&"a".parse().unwrap()).unwrap();
        broker.append(permit, Draft::new(Content::Text("x".into())), 0).unwrap();
    };
    publish();
    let mut gathered = Gathered::default();
    assert!(readers[0].gather_live(&broker, 1, 100, &mut gathered));
    assert!(readers[1].would_find(&broker, 1, 100, &gathered));
    publish();
    assert!(!readers[1].would_find(&broker, 1, 100, &gathered), "the first is gone: a gap is owed");
}

#[test]
fn who_follows_the_same_pattern_at_the_same_place_finds_what_another_has_gathered() {
    let mut random = fastrand::Rng::with_seed(12);
    let (mut shared, mut with_messages) = (0, 0);
    for round in 0..4_000 {
        let (broker, head) = random_log(&mut random);
        let settled = random.u64(head / 2..=head);
        let bytes_max = random.usize(1..400);
        let mut gathered = Gathered::default();
        let first = Wish::of_a_pattern(&mut random, head);
        first.reader(&broker).gather(&broker, settled, bytes_max, &mut gathered);
        if random.u8(0..4) == 0 {
            publish(&mut random, &broker);
        }
        let other = Wish::of_a_pattern(&mut random, head);
        let mut reader = other.reader(&broker);
        if !reader.would_find(&broker, settled, bytes_max, &gathered) {
            continue;
        }
        shared += 1;
        with_messages += usize::from(!gathered.items.is_empty());
        // A part of it, then all that is left, on its own.
        let count = random.usize(0..=gathered.items.len());
        let mut seen: Vec<String> = found(&gathered).0.into_iter().take(count).collect();
        reader.advance(&gathered, count);
        seen.extend(all_of(&mut reader, &broker, settled));
        let alone = all_of(&mut other.reader(&broker), &broker, settled);
        // Where batches end, a gap stands before more or fewer messages.
        let sorted = |seen: Vec<String>| {
            let (gaps, messages): (Vec<_>, Vec<_>) =
                seen.into_iter().partition(|item| item.starts_with("Gap"));
            let ends = gaps.iter().map(|gap| gap.rsplit("to: ").next().unwrap().to_owned());
            (messages, ends.max())
        };
        assert_eq!(sorted(seen), sorted(alone), "round {round}");
    }
    assert!(shared > 200 && with_messages > 50, "{shared} {with_messages}");
}

/// Everything that a reader is handed up to a place.
fn all_of(reader: &mut Reader, broker: &Broker, settled: u64) -> Vec<String> {
    let (mut gathered, mut seen) = (Gathered::default(), Vec::new());
    while !gathered.is_caught_up {
        reader.gather(broker, settled, 1_000, &mut gathered);
        seen.extend(found(&gathered).0);
        reader.advance(&gathered, gathered.items.len());
    }
    seen
}

/// Some messages in two channels, some with an origin, some of them already removed.
fn random_log(random: &mut fastrand::Rng) -> (Broker, u64) {
    let retention = Retention { messages_max: random.usize(1..12), ..Retention::default() };
    let compaction = (random.u8(0..6) == 0).then(Default::default);
    let rules = Rules::all(Options { retention, compaction, ..Options::default() });
    let broker = Broker::new(1, Limits { rules, ..Limits::default() });
    (0..random.usize(0..20)).for_each(|_| publish(random, &broker));
    let head = broker.head();
    (broker, head)
}

fn publish(random: &mut fastrand::Rng, broker: &Broker) {
    let name: ChannelName = ["a", "b"][random.usize(0..2)].parse().unwrap();
    let origin = NonZeroU64::new(random.u64(0..3)).filter(|_| random.u8(0..4) == 0);
    let key = broker.options(&name).compaction.map(|_| "k".parse().unwrap());
    let content = Content::Text("x".repeat(random.usize(0..50)).into());
    let draft = Draft { origin, key, ..Draft::new(content) };
    broker.append(Grant::open().permit(&name).unwrap(), draft, 0).unwrap();
}

/// What a reader is to follow, and how.
struct Wish {
    patterns: &'static [&'static str],
    start: Start,
    muted: Option<NonZeroU64>,
    /// A lane has reported these channels to it, and no others.
    listed: &'static [&'static str],
}

impl Wish {
    fn at_random(random: &mut fastrand::Rng, head: u64) -> Self {
        let follows: [&[&str]; 7] =
            [&["a"], &["a"], &["a"], &["*"], &["*", "a"], &["a", "b"], &["*", "b"]];
        let start = match random.u8(0..4) {
            0 => Start::Now,
            1 => Start::Earliest(may_look_back()),
            // Few places, so that readers meet.
            _ => Start::after(Position { epoch: 1, offset: random.u64(0..=head.min(3)) }),
        };
        let muted = NonZeroU64::new(random.u64(0..3));
        let listed: [&[&str]; 4] = [&[], &["a"], &["a"], &["a", "b"]];
        let listed = listed[random.usize(0..4)];
        Self { patterns: follows[random.usize(0..7)], start, muted, listed }
    }

    /// A reader of one pattern with wildcards, to which no lane has reported anything.
    fn of_a_pattern(random: &mut fastrand::Rng, head: u64) -> Self {
        let patterns: [&[&str]; 4] = [&["*"], &["*"], &[">"], &["*.x"]];
        let patterns = patterns[random.usize(0..4)];
        Self { patterns, listed: &[], ..Self::at_random(random, head) }
    }

    fn reader(&self, broker: &Broker) -> Reader {
        let mut reader = Reader::default();
        let permits: Vec<_> = self.patterns.iter().map(|pattern| may_read(pattern)).collect();
        reader.follow(broker, &permits, self.start);
        self.muted.into_iter().for_each(|origin| reader.mute(origin));
        let is_wild = permits.iter().any(|permit| permit.pattern().as_channel().is_none());
        if is_wild && !self.listed.is_empty() {
            let obtain = |name: &&str| broker.shared.registry.obtain(&name.parse().unwrap());
            let listing = Listing::reported(self.listed.iter().map(obtain).collect(), 0);
            reader.cursors[0].wild = Wild::Listed(Box::new(listing));
        }
        reader
    }
}

/// What a reader finds and how it stands afterwards, all of it handed over.
fn long_way(
    reader: &mut Reader,
    broker: &Broker,
    read_limit: u64,
    bytes_max: usize,
) -> (Found, u64, Wild) {
    let mut gathered = Gathered::default();
    reader.gather_by(ReadContext::BLOCKING, broker, read_limit, bytes_max, &mut gathered);
    let found = found(&gathered);
    gathered.live = None;
    reader.advance(&gathered, gathered.items.len());
    let cursor = &mut reader.cursors[0];
    (found, cursor.after, std::mem::replace(&mut cursor.wild, Wild::Quiet))
}

fn found(gathered: &Gathered) -> Found {
    let items = gathered.items.iter().map(|item| match item {
        Item::Message(message) => format!("{} {}", message.channel(), message.offset()),
        Item::Gap(gap) => format!("{gap:?}"),
    });
    let Gathered { upto, is_exhausted, is_caught_up, bytes_left, .. } = *gathered;
    (items.collect(), upto, is_exhausted, is_caught_up, bytes_left)
}

fn may_read(pattern: &str) -> SubscribePermit {
    Grant::open().permit_subscribe(&pattern.parse().unwrap()).unwrap()
}

/// The permit to read what was published before.
fn may_look_back() -> HistoryPermit {
    Grant::open().permit_history().unwrap()
}
