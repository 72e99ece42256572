//! Which options a channel has: defaults, and rules by pattern of which the most specific wins.
//!
//! Each option is decided by itself, so a rule says only what is different in its channels.

use crate::{
    ChannelName, Compaction, Options, Pattern, Publishers, Repeats, Retention, SlowReaders,
};
use std::{cmp::Ordering, sync::Arc};
use tidewire_names::PRESENCE_PATTERN;

/// The options of every channel there may be. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Rules {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    defaults: Options,
    /// What compacted channels keep of their tombstones, if that is not what others keep.
    tombstones: Option<Retention>,
    /// The least specific first.
    rules: Vec<(Pattern, Rule)>,
    has_presence: bool,
}

/// What is different in the channels of one pattern; what it leaves out is decided elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Messages kept.
    pub retention_messages: Option<usize>,
    /// Bytes kept.
    pub retention_bytes: Option<usize>,
    /// Milliseconds kept.
    pub retention_age_ms: Option<u64>,
    /// Whether a message supersedes the older ones of its key.
    pub compact: Option<bool>,
    /// Keys with a value, where compacted.
    pub keys_max: Option<usize>,
    /// Bytes of all values, where compacted.
    pub keys_bytes_max: Option<usize>,
    /// Milliseconds until a value is removed, where compacted.
    pub keys_age_ms: Option<u64>,
    /// Whether it has presence.
    pub presence: Option<bool>,
    /// What becomes of slow readers.
    pub slow_readers: Option<SlowReaders>,
    /// Bytes of one message.
    pub message_bytes_max: Option<usize>,
    /// Which publishers are accepted.
    pub publishers: Option<Publishers>,
    /// Ids remembered.
    pub repeats_ids: Option<usize>,
    /// Milliseconds an id is remembered.
    pub repeats_age_ms: Option<u64>,
}

impl Rules {
    /// Rules for the patterns given; a channel that none selects has the defaults.
    ///
    /// The system's channels have a rule of their own, which any that names them goes before.
    pub fn new(defaults: Options, rules: impl IntoIterator<Item = (Pattern, Rule)>) -> Self {
        let built_in = [(PRESENCE_PATTERN, presence_rule()), (SYSTEM_PATTERN, system_rule())];
        let built_in =
            built_in.into_iter().filter_map(|(text, rule)| Some((text.parse().ok()?, rule)));
        let mut rules: Vec<_> = built_in.chain(rules).collect();
        // Stable: of two rules for the same pattern the later one wins.
        rules.sort_by(|(one, _), (other, _)| specificity(one, other));
        let has_presence =
            defaults.presence || rules.iter().any(|(_, rule)| rule.presence == Some(true));
        Self { inner: Arc::new(Inner { defaults, tombstones: None, rules, has_presence }) }
    }

    /// The same rules, but where no rule says otherwise compacted channels keep `tombstones` instead of
    /// the defaults' retention. That may be without bounds then: messages make way for newer ones,
    /// tombstones only for those of retention.
    #[must_use]
    pub fn keeping_tombstones(self, tombstones: Retention) -> Self {
        let Inner { defaults, rules, has_presence, .. } = &*self.inner;
        let (defaults, rules, has_presence) = (*defaults, rules.clone(), *has_presence);
        let tombstones = Some(tombstones);
        Self { inner: Arc::new(Inner { defaults, tombstones, rules, has_presence }) }
    }

    /// The same options for every channel but the system's.
    pub fn all(defaults: Options) -> Self {
        Self::new(defaults, [])
    }

    /// The defaults for every channel, but for how much it keeps.
    pub fn keeping(retention: Retention) -> Self {
        Self::all(Options { retention, ..Options::default() })
    }

    /// What a channel without rules has.
    pub fn defaults(&self) -> &Options {
        &self.inner.defaults
    }

    /// The options of a channel. O(rules).
    pub fn of(&self, channel: &ChannelName) -> Options {
        #[cfg(test)]
        MATCHINGS.set(MATCHINGS.get() + 1);
        let mut options = self.inner.defaults;
        let mut is_compact = options.compaction.is_some();
        let mut compaction = options.compaction.unwrap_or_default();
        let mut tombstones = self.inner.tombstones.unwrap_or(options.retention);
        for (_, rule) in self.matching(channel) {
            rule.apply(&mut options, &mut compaction, &mut is_compact);
            rule.apply_retention(&mut tombstones);
        }
        if is_compact {
            options.retention = tombstones;
        }
        options.compaction = is_compact.then_some(compaction);
        options
    }

    /// The rules that select a channel, the least specific first: later ones win.
    pub fn matching(&self, channel: &ChannelName) -> impl Iterator<Item = (&Pattern, &Rule)> {
        let rules = self.inner.rules.iter().map(|(pattern, rule)| (pattern, rule));
        rules.filter(|(pattern, _)| pattern.matches(channel))
    }

    /// The longest that any channel remembers an id, in milliseconds.
    pub fn repeats_age_max_ms(&self) -> u64 {
        let stated = self.inner.rules.iter().filter_map(|(_, rule)| rule.repeats_age_ms);
        stated.fold(self.inner.defaults.repeats.age_max_ms, u64::max)
    }

    /// Whether any channel may have presence. O(1).
    pub fn has_presence(&self) -> bool {
        self.inner.has_presence
    }

    /// Whether a channel that `pattern` selects may be compacted; false is certain. O(rules).
    pub fn may_compact(&self, pattern: &Pattern) -> bool {
        // No wildcard stands for the system's mark, nor the mark for anything else.
        let is_system = |pattern: &Pattern| pattern.as_str().starts_with('$');
        let rules = self.inner.rules.iter();
        let mut akin = rules.filter(|(other, _)| is_system(other) == is_system(pattern));
        self.inner.defaults.compaction.is_some() || akin.any(|(_, rule)| rule.compact == Some(true))
    }

    /// The largest message that any channel takes, the system's aside: clients send those none.
    pub fn message_bytes_max(&self) -> usize {
        let rules =
            self.inner.rules.iter().filter(|(pattern, _)| !pattern.as_str().starts_with('$'));
        let stated = rules.filter_map(|(_, rule)| rule.message_bytes_max);
        stated.fold(self.inner.defaults.message_bytes_max, usize::max)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::all(Options::default())
    }
}

impl Rule {
    fn apply(&self, options: &mut Options, compaction: &mut Compaction, is_compact: &mut bool) {
        self.apply_retention(&mut options.retention);
        set(is_compact, self.compact);
        set(&mut compaction.keys_max, self.keys_max);
        set(&mut compaction.bytes_max, self.keys_bytes_max);
        set(&mut compaction.age_max_ms, self.keys_age_ms.map(Some));
        set(&mut options.presence, self.presence);
        set(&mut options.slow_readers, self.slow_readers);
        set(&mut options.message_bytes_max, self.message_bytes_max);
        set(&mut options.publishers, self.publishers);
        let Repeats { ids_max, age_max_ms } = &mut options.repeats;
        set(ids_max, self.repeats_ids);
        set(age_max_ms, self.repeats_age_ms);
    }

    fn apply_retention(&self, retention: &mut Retention) {
        let Retention { messages_max, bytes_max, age_max_ms } = retention;
        set(messages_max, self.retention_messages);
        set(bytes_max, self.retention_bytes);
        set(age_max_ms, self.retention_age_ms);
    }
}

fn set<T>(option: &mut T, stated: Option<T>) {
    if let Some(stated) = stated {
        *option = stated;
    }
}

/// The less specific of two patterns first, token by token: a name goes behind `*`, `*` behind `>`.
fn specificity(one: &Pattern, other: &Pattern) -> Ordering {
    let rank = |token: &str| match token {
        ">" => 0,
        "*" => 1,
        _ => 2,
    };
    let ranks = |pattern: &Pattern| pattern.as_str().split('.').map(rank).collect::<Vec<u8>>();
    ranks(one).cmp(&ranks(other))
}

/// The rule of channels of presence; it bounds the number of members of a channel.
fn presence_rule() -> Rule {
    Rule {
        compact: Some(true),
        keys_max: Some(100_000),
        keys_bytes_max: Some(64 << 20),
        presence: Some(false),
        message_bytes_max: Some(4 << 10),
        ..Rule::default()
    }
}

/// The options of the channels in which the server publishes about itself: each holds the newest message and nothing else.
fn system_rule() -> Rule {
    Rule {
        compact: Some(true),
        keys_max: Some(16),
        keys_bytes_max: Some(1 << 20),
        retention_messages: Some(16),
        presence: Some(false),
        message_bytes_max: Some(64 << 10),
        ..Rule::default()
    }
}

/// Every such channel.
pub(crate) const SYSTEM_PATTERN: &str = "$sys.>";

#[cfg(test)]
thread_local! {
    /// How often this thread has matched the rules against a channel.
    pub(crate) static MATCHINGS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(patterns: &[(&str, usize)]) -> Rules {
        let rule = |(pattern, messages): &(&str, usize)| {
            let rule = Rule { retention_messages: Some(*messages), ..Rule::default() };
            (pattern.parse().unwrap(), rule)
        };
        Rules::new(Options::default(), patterns.iter().map(rule))
    }

    fn messages(rules: &Rules, channel: &str) -> usize {
        rules.of(&channel.parse().unwrap()).retention.messages_max
    }

    #[test]
    fn the_most_specific_pattern_wins_wherever_it_stands() {
        let rules = rules(&[("chat.room1", 3), ("chat.*", 2), (">", 1), ("*.room1", 4)]);
        assert_eq!(messages(&rules, "chat.room1"), 3);
        assert_eq!(messages(&rules, "chat.room2"), 2);
        assert_eq!(messages(&rules, "news.room1"), 4);
        assert_eq!(messages(&rules, "news.x.y"), 1);
    }

    #[test]
    fn each_option_is_decided_by_itself() {
        let wide = Rule { compact: Some(true), keys_max: Some(7), ..Rule::default() };
        let narrow = Rule { retention_messages: Some(5), ..Rule::default() };
        let patterns = [("a.>".parse().unwrap(), wide), ("a.b".parse().unwrap(), narrow)];
        let options = Rules::new(Options::default(), patterns).of(&"a.b".parse().unwrap());
        assert_eq!(options.retention.messages_max, 5);
        assert_eq!(options.compaction.unwrap().keys_max, 7);
    }

    #[test]
    fn tombstones_are_bounded_where_messages_are_not() {
        let state = Rule { compact: Some(true), retention_messages: Some(5), ..Rule::default() };
        let defaults = Options { retention: Retention::UNBOUNDED, ..Options::default() };
        let rules = Rules::new(defaults, [("state.*".parse().unwrap(), state)]);
        let rules = rules.keeping_tombstones(Retention::default());
        let retention = |channel: &str| rules.of(&channel.parse().unwrap()).retention;
        assert_eq!(retention("chat"), Retention::UNBOUNDED);
        assert_eq!(retention("$presence.chat"), Retention::default());
        assert_eq!(retention("state.a"), Retention { messages_max: 5, ..Retention::default() });
    }

    #[test]
    fn whether_any_channel_has_presence_is_known() {
        let rule = Rule { presence: Some(true), ..Rule::default() };
        assert!(!Rules::default().has_presence());
        assert!(
            !Rules::new(Options::default(), [(">".parse().unwrap(), Rule::default())])
                .has_presence()
        );
        assert!(Rules::new(Options::default(), [("a.*".parse().unwrap(), rule)]).has_presence());
        assert!(Rules::all(Options { presence: true, ..Options::default() }).has_presence());
    }

    #[test]
    fn presence_is_compacted_and_no_wildcard_reaches_it() {
        let rules = rules(&[(">", 1)]);
        let options = rules.of(&"$presence.a".parse().unwrap());
        assert!(options.compaction.is_some());
        assert_eq!(options.retention, Retention::default());
    }
}
