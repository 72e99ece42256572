//! Places in the log, found in its order: whatever the number of channels, none of them is looked for.
//!
//! This is for the order that this process gives. Where an engine orders, its archive is asked.

use crate::{PatternMap, broker::Shared, offset_index::Segment};

impl Shared {
    /// The place before the oldest message held, or one before that.
    pub(crate) fn place_of_oldest(&self) -> u64 {
        let oldest = self.sequencer().oldest();
        oldest.map_or_else(|| self.head(), |oldest| oldest - 1)
    }

    /// The place before the first message of `time_ms` or later, or `None` if that may be older than the offset index.
    pub(crate) fn place_since(&self, time_ms: u64) -> Option<u64> {
        // In this order: what is held by now is after the tail, if it is after the tail that is looked up next.
        let oldest = self.place_of_oldest();
        match self.index.segment_before(time_ms) {
            Ok(segment) => Some(self.place_in(&segment, time_ms)),
            Err(tail) => (oldest >= tail).then_some(oldest),
        }
    }

    /// The offset before the first retained message after `after` that `wild` selects; the head if there is no such
    /// message. If too many entries have to be passed, the offset that was reached; `None` if the order is not known from
    /// there on.
    pub(crate) fn place_before_first(&self, after: u64, wild: &PatternMap<()>) -> Option<u64> {
        let (mut place, mut work, head) = (after, ENTRIES_MAX, self.head());
        while place < head && work > 0 {
            let Some(segment) = self.index.segment_after(place) else {
                // Asked only now, as it rises: from here on there was nothing just before.
                return (place >= self.index.tail()).then_some(head);
            };
            let upto = head.min(segment.last());
            let found = self.registry.look_up(|standing, _| {
                for (offset, number) in segment.entries(place, upto) {
                    if work == 0 {
                        return true;
                    }
                    work -= 1;
                    let selected = standing.find(number).filter(|it| wild.has_match(it.name()));
                    if selected.is_some_and(|channel| channel.ring().time_of(offset).is_some()) {
                        place = offset - 1;
                        return true;
                    }
                    place = offset;
                }
                place = upto;
                false
            });
            if found {
                return Some(place);
            }
        }
        Some(place.min(head))
    }

    /// The place before the first message of a time, in a segment whose first message is from before that. Entries whose
    /// messages are not held any more are passed over, each once at most.
    fn place_in(&self, segment: &Segment, time_ms: u64) -> u64 {
        self.registry.look_up(|standing, _| {
            let time_of = |offset, number| standing.find(number)?.ring().time_of(offset);
            // What is held up to `after` is from before the time, what is after `upto` is not.
            let (mut after, mut upto) = (segment.first() - 1, segment.last());
            while after < upto {
                let middle = after + (upto - after) / 2;
                let mut held = segment
                    .entries(middle, upto)
                    .filter_map(|(offset, number)| Some((offset, time_of(offset, number)?)));
                match held.next() {
                    Some((offset, time)) if time < time_ms => after = offset,
                    _ => upto = middle,
                }
            }
            after
        })
    }
}

/// Entries of the index that a start passes to find a message that it selects: some hundred microseconds.
const ENTRIES_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use crate::{
        Broker, Content, Draft, Grant, Limits, Options, Pattern, PatternMap, Retention, Rule, Rules,
    };

    /// Publishes in a few channels, of which one keeps the newest value of each key; retention takes some of it.
    fn random_log(random: &mut fastrand::Rng) -> Broker {
        let retention = Retention { messages_max: random.usize(1..40), ..Retention::default() };
        let defaults = Options { retention, ..Options::default() };
        let kept: Pattern = "c0".parse().unwrap();
        let rule = Rule { compact: Some(true), ..Rule::default() };
        let rules = Rules::new(defaults, random.bool().then_some((kept, rule)));
        let bytes_max = random.usize(4_000..40_000);
        let broker = Broker::new(1, Limits { rules, bytes_max, ..Limits::default() });
        let mut now_ms = 1_000;
        for _ in 0..random.usize(0..400) {
            let name = format!("c{}", random.usize(0..6)).parse().unwrap();
            let key = broker.options(&name).compaction.is_some();
            let key = key.then(|| random.usize(0..5).to_string().parse().unwrap());
            let draft = Draft { key, ..Draft::new(Content::Text("x".into())) };
            broker.append(Grant::open().permit(&name).unwrap(), draft, now_ms).unwrap();
            now_ms += [0, 0, 1, 30][random.usize(0..4)];
        }
        broker
    }

    /// The offsets and times of all messages held.
    fn held(broker: &Broker) -> Vec<(u64, u64)> {
        let mut held = Vec::new();
        broker.shared.registry.scan(|channel| {
            let ring = channel.ring();
            held.extend(ring.iter_after(0).map(|message| (message.offset(), message.time_ms())));
        });
        held.sort_unstable();
        held
    }

    #[test]
    fn a_pattern_begins_before_the_oldest_message_that_it_selects() {
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..600 {
            let (broker, mut wild) = (random_log(&mut random), PatternMap::default());
            let pattern: Pattern = ["*", ">", "c1.*"][random.usize(0..3)].parse().unwrap();
            *wild.entry(&pattern) = Some(());
            let (held, head, after) = (held(&broker), broker.head(), random.u64(0..400));
            let first = held.iter().map(|(offset, _)| *offset).find(|offset| *offset > after);
            let first = first.filter(|_| pattern.as_str() != "c1.*");
            let Some(place) = broker.shared.place_before_first(after, &wild) else {
                assert!(after < broker.shared.index.tail(), "round {round}");
                continue;
            };
            assert_eq!(place, first.map_or(head, |first| first - 1), "{pattern}, round {round}");
        }
    }

    #[test]
    fn the_places_of_the_oldest_message_and_of_a_time_are_those_that_a_look_at_all_messages_finds()
    {
        let mut random = fastrand::Rng::with_seed(6);
        let (mut found, mut before_the_index) = (0, 0);
        for round in 0..600 {
            let broker = random_log(&mut random);
            let (held, head) = (held(&broker), broker.head());
            let oldest = held.first().map_or(head, |(offset, _)| offset - 1);
            assert_eq!(broker.shared.place_of_oldest(), oldest, "round {round}");
            for _ in 0..10 {
                let time_ms = random.u64(900..7_000);
                let Some(place) = broker.shared.place_since(time_ms) else {
                    before_the_index += 1;
                    continue;
                };
                found += 1;
                for (offset, time) in &held {
                    let is_after = *offset > place;
                    assert_eq!(is_after, *time >= time_ms, "{offset}, {place}, round {round}");
                }
            }
        }
        assert!(found > 1_000 && before_the_index > 10, "{found} {before_the_index}");
    }
}
