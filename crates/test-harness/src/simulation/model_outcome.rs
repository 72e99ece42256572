//! What should become of a publish, found by looking at everything published: a naive twin of what
//! brokers and engines keep in books of their own.

use super::history::{Entry, History};
use tidewire_broker::{
    AppendError, Compaction, Draft, DraftError, Options, Publishers, QuotaError,
};

/// By which way a message comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A request over HTTP.
    Request,
    /// A subscriber's connection.
    Connection,
    /// The server itself.
    System,
}

/// What should become of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelOutcome {
    /// It is new, and supersedes the message at this offset.
    New(Option<u64>),
    /// It was published before, at this offset.
    Before(u64),
    /// It is refused.
    Refused(AppendError),
}

/// Judges a draft at a time.
pub(crate) fn expected_outcome(
    history: &History,
    epoch: u64,
    channel: &str,
    (draft, source): (&Draft, Source),
    options: &Options,
    now_ms: u64,
) -> ModelOutcome {
    let Options { compaction, repeats, .. } = options;
    let now_ms = history.log_ms(epoch, now_ms);
    if !is_allowed(options.publishers, source) {
        return ModelOutcome::Refused(AppendError::NotAllowed { allowed: options.publishers });
    }
    if compaction.is_some() && draft.key.is_none() {
        return ModelOutcome::Refused(AppendError::Draft(DraftError::KeyMissing));
    }
    if let Some(id) = &draft.id {
        let named =
            history.of_channel(epoch, channel).filter(|(_, entry)| entry.draft.id.is_some());
        let mut known = named
            .take(repeats.ids_max)
            .take_while(|(_, entry)| entry.time_ms + repeats.age_max_ms > now_ms);
        if let Some((offset, first)) = known.find(|(_, entry)| entry.draft.id.as_ref() == Some(id))
        {
            return if is_same(&first.draft, draft) {
                ModelOutcome::Before(offset)
            } else {
                ModelOutcome::Refused(AppendError::Draft(DraftError::IdTaken))
            };
        }
    }
    let Some(compaction) = compaction else { return ModelOutcome::New(None) };
    let mut of_key = history.of_channel(epoch, channel);
    let newest = of_key.find(|(_, entry)| entry.draft.key == draft.key);
    match state_error(history, epoch, channel, draft, compaction) {
        Some(error) => ModelOutcome::Refused(error),
        None => ModelOutcome::New(newest.map(|(offset, _)| offset)),
    }
}

/// Whether a channel takes messages that come in by this way.
pub(crate) fn is_allowed(publishers: Publishers, source: Source) -> bool {
    match source {
        Source::System => true,
        Source::Request => publishers != Publishers::Nobody,
        Source::Connection => publishers == Publishers::Anyone,
    }
}

/// Whether two drafts have the same content, whichever connection wants no echo of them.
pub(crate) fn is_same(one: &Draft, other: &Draft) -> bool {
    *one == Draft { origin: one.origin, ..other.clone() }
}

/// The bound that a value would certainly pass.
fn state_error(
    history: &History,
    epoch: u64,
    channel: &str,
    draft: &Draft,
    compaction: &Compaction,
) -> Option<AppendError> {
    if draft.content.is_nothing() {
        return None;
    }
    let Compaction { keys_max, bytes_max, .. } = *compaction;
    let others = history.of_channel(epoch, channel).filter(|(_, entry)| entry.is_value());
    let others = others.filter(|(_, entry)| entry.draft.key != draft.key);
    let (keys, bytes) =
        others.fold((0, 0), |(keys, bytes), (_, entry)| (keys + 1, bytes + entry.draft.bytes()));
    if keys >= keys_max {
        return Some(QuotaError::TooManyKeys { keys_max }.into());
    }
    (bytes + draft.bytes() > bytes_max).then_some(QuotaError::StateFull { bytes_max }.into())
}

/// Holds what an engine answered against the expected.
///
/// What a message costs is the broker's affair: where its fixed part decides whether a value finds
/// room, either answer is right.
pub(crate) fn check(
    expected: ModelOutcome,
    outcome: Result<u64, AppendError>,
    may_be_full: bool,
    next: u64,
) -> Result<(), String> {
    let is_right = match (expected, outcome) {
        (ModelOutcome::New(_), Ok(offset)) => offset == next,
        (ModelOutcome::Before(first), Ok(offset)) => offset == first,
        (ModelOutcome::New(_), Err(AppendError::Quota(QuotaError::StateFull { .. }))) => {
            may_be_full
        }
        (ModelOutcome::Refused(AppendError::Quota(QuotaError::StateFull { .. })), Err(error)) => {
            matches!(error, AppendError::Quota(QuotaError::StateFull { .. }))
        }
        (ModelOutcome::Refused(expected), Err(error)) => expected == error,
        _ => false,
    };
    if is_right {
        return Ok(());
    }
    Err(format!("a publish was answered with {outcome:?}, where {expected:?} was due"))
}

/// Whether the values and tombstones of a life, with one more, might be over a bound.
pub(crate) fn may_be_full(
    history: &History,
    epoch: u64,
    channel: &str,
    draft: &Draft,
    options: &Options,
    all_bytes_max: usize,
) -> bool {
    let Some(compaction) = &options.compaction else { return false };
    let cost = |draft: &Draft| draft.bytes() + ENTRY_COST_MAX;
    let held = || {
        let all = history.between(epoch, 0, history.head(epoch));
        all.filter(|(_, entry)| entry.is_compacted && !entry.is_superseded)
    };
    let bytes = |(_, entry): (u64, &Entry)| cost(&entry.draft);
    let here: usize = held().filter(|(_, entry)| entry.channel == channel).map(bytes).sum();
    let all: usize = held().map(bytes).sum();
    here + cost(draft) > compaction.bytes_max || all + cost(draft) > all_bytes_max / 2
}

/// More than a message, its labels and its key cost beside their text.
const ENTRY_COST_MAX: usize = 500;
