//! Opening a store: what the last life left, whether its order can be continued, and the figures
//! of every channel. No message is read.

use crate::{
    OpenError, Settings, Sync,
    archive::LogArchive,
    channels::{Channels, State},
    clock::Clock,
    cold::ColdArchive,
    commit_state::{CommitState, units},
    conversion, copies,
    layout::{self, Progress},
    log_throttle::LogThrottle,
    pending::Changes,
    rebuilding::rebuild,
    store::{Disks, Order, Row, Store, StoreError, Wait},
    totals::Totals,
};
use std::{
    collections::{HashMap, VecDeque},
    ops::{Bound, ControlFlow},
    path::Path,
    sync::Arc,
};
use tidewire_broker::{Broker, ChannelName, IDS_MAX};

/// Opens a store and a broker before it.
pub(crate) fn open(
    directory: &Path,
    disks: Disks,
    settings: &Settings,
    now_ms: u64,
    clock: Clock,
) -> Result<CommitState, OpenError> {
    let to_error = |error| OpenError::of_rows(directory, error);
    let (store, mut lost) = Store::open(directory, disks, clock)?;
    let mut recovered = Recovered::of(&store, to_error);
    if store.is_damaged() {
        lost += store.salvage().map_err(to_error)?;
        recovered = Recovered::of(&store, to_error);
    }
    let Recovered { channels, mut restored, progress, missing, repairs } = recovered?;
    lost += missing;
    let (epoch, unwritten) =
        continue_epoch(&store, settings.sync, lost, repairs, now_ms).map_err(to_error)?;
    let (store, channels) = (Arc::new(store), Arc::new(channels));
    let archive = LogArchive {
        store: Arc::clone(&store),
        channels: Arc::clone(&channels),
        inherited: progress.last,
        unread: LogThrottle::default(),
        damage: LogThrottle::default(),
        clock,
    };
    let limits = settings.limits.clone();
    let cache_bytes_max = settings.cache_bytes_max.unwrap_or(CACHE_BYTES_MAX);
    let archive = Arc::new(ColdArchive::new(archive, cache_bytes_max, clock));
    let broker = Broker::with_archive(epoch, progress.last, limits, archive);
    broker.restore_forgotten(progress.forgotten);
    convert(&store, &broker, &channels, &mut restored).map_err(to_error)?;
    let mut commit_state = CommitState {
        store,
        channels,
        broker,
        totals: Totals::default(),
        dedup_windows: HashMap::new(),
        ids: 0,
        stale_ids: VecDeque::new(),
        last: progress.last,
        time_ms: progress.time_ms,
        forgotten: progress.forgotten,
        bytes_max: settings.bytes_max.unwrap_or(u64::MAX),
        removals: unwritten,
    };
    commit_state.load_ids(now_ms, IDS_MAX).map_err(to_error)?;
    restore(&mut commit_state, &restored);
    commit_state.broker.restore_order();
    Ok(commit_state)
}

/// What the rows say, and how many of them are missing.
struct Recovered {
    channels: Channels,
    restored: Vec<(ChannelName, State)>,
    progress: Progress,
    missing: u64,
    /// What has the next start find nothing missing.
    repairs: Changes,
}

impl Recovered {
    fn of(store: &Store, to_error: impl Fn(StoreError) -> OpenError) -> Result<Self, OpenError> {
        check_format(store, &to_error)?;
        let channels = Channels::default();
        let mut repairs = Changes::default();
        let (mut restored, unread) =
            read_channels(store, &channels, &mut repairs).map_err(&to_error)?;
        let (mut progress, lost) = read_progress(store, &channels, &restored).map_err(&to_error)?;
        let missing = unread + lost;
        if missing > 0 {
            rebuild(store, &channels, &mut restored, &mut repairs).map_err(&to_error)?;
            // Channels that are lost count as forgotten: a reader that resumes in one gets a gap notice.
            progress.forgotten = progress.last;
            progress.channels = units(restored.len());
            progress.next_number = channels.next_number();
            repairs.put(layout::progress(), progress.encode());
        }
        remove_order_after(store, progress.last, &mut repairs).map_err(&to_error)?;
        Ok(Self { channels, restored, progress, missing, repairs })
    }
}

/// Removes what the order says of offsets that, after damage, are going to be given once more.
fn remove_order_after(store: &Store, last: u64, repairs: &mut Changes) -> Result<(), StoreError> {
    let (from, upto) = (layout::order(last.saturating_add(1)), layout::order(u64::MAX));
    store.scan(Bound::Included(&from), Bound::Included(&upto), Order::Ascending, |row| {
        if row.value.is_some() {
            repairs.remove(row.key.to_vec());
        }
        ControlFlow::Continue(())
    })
}

/// Leaves the store as after a quiet end: nothing in the journal, and the order continued.
pub(crate) fn close(store: &Store, sync: Sync) {
    let checkpointed = store.checkpoint();
    store.renew_generation();
    let closed = checkpointed.and_then(|()| match sync {
        Sync::Always => Ok(()),
        Sync::Every(_) | Sync::Never => {
            let mut changes = Changes::default();
            changes.put(layout::fact(RUNNING), 0_u64.to_be_bytes().to_vec());
            store.commit(changes, Wait::ForDisk)
        }
    });
    if let Err(error) = closed {
        let store = store.path();
        tracing::error!(%store, %error, "the store was not closed cleanly; the next start \
            recovers it");
    }
}

/// Refuses what a later version wrote; what an earlier one wrote is from here on of this format.
pub(crate) fn check_format(
    store: &Store,
    to_error: impl Fn(StoreError) -> OpenError,
) -> Result<(), OpenError> {
    match fact(store, FORMAT).map_err(&to_error)? {
        Some(UNFINISHED) => Err(OpenError::Unfinished { path: store.path().to_string().into() }),
        Some(FORMAT_KNOWN) => Ok(()),
        Some(found) if found > FORMAT_KNOWN => {
            Err(OpenError::Format { found, known: FORMAT_KNOWN })
        }
        _ => {
            let mut changes = Changes::default();
            changes.put(layout::fact(FORMAT), FORMAT_KNOWN.to_be_bytes().to_vec());
            store.commit(changes, Wait::ForDisk).map_err(&to_error)
        }
    }
}

/// Every channel that has a row, and how many rows make no sense, which are to go.
fn read_channels(
    store: &Store,
    channels: &Channels,
    repairs: &mut Changes,
) -> Result<(Vec<(ChannelName, State)>, u64), StoreError> {
    let (mut restored, mut lost) = (Vec::new(), 0);
    let (from, upto) = ([layout::CHANNELS], [layout::CHANNELS + 1]);
    let bounds = (Bound::Included(&from[..]), Bound::Excluded(&upto[..]));
    store.scan(bounds.0, bounds.1, Order::Ascending, |row: Row<'_>| {
        let number = layout::offset_of(row.key);
        let decoded =
            row.value.zip(number).and_then(|(value, number)| State::decode(number, value));
        match decoded {
            Some((state, name)) => {
                channels.set(name.clone(), state);
                restored.push((name, state));
            }
            None => {
                lost += 1;
                repairs.remove(row.key.to_vec());
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok((restored, lost))
}

/// How far everything had come, and how many rows must be missing.
fn read_progress(
    store: &Store,
    channels: &Channels,
    restored: &[(ChannelName, State)],
) -> Result<(Progress, u64), StoreError> {
    let row = store.find(&layout::progress())?.and_then(|value| Progress::decode(&value));
    let mut lost = u64::from(row.is_none() && !restored.is_empty());
    let mut progress = row.unwrap_or_default();
    let last = restored.iter().map(|(_, state)| state.last).max().unwrap_or(0);
    // What was forgotten may have been newer than all that is left.
    lost += u64::from(last.max(progress.forgotten) < progress.last);
    lost += u64::from(units(restored.len()) < progress.channels);
    progress.last = progress.last.max(last);
    // The first format did not note the time.
    let times = restored.iter().map(|(_, state)| state.first_ms);
    progress.time_ms = times.fold(progress.time_ms, u64::max);
    channels.reserve(progress.next_number.max(newest_number(store)?));
    Ok((progress, lost))
}

/// The epoch of the last run, if its order continues; otherwise a new one. With it what is to
/// go with the next commit, as there is no room for it yet: until then nothing can be published in it.
fn continue_epoch(
    store: &Store,
    sync: Sync,
    lost: u64,
    mut changes: Changes,
    now_ms: u64,
) -> Result<(u64, Changes), StoreError> {
    let before = fact(store, EPOCH)?;
    let is_torn = fact(store, RUNNING)?.is_some_and(|running| running != 0);
    let copy = copies::find_copy(store)?.filter(|_| before.is_some());
    if let Some(why) = copy {
        tracing::warn!(
            store = %store.path(), why,
            "the store is a copy, perhaps an older one: a new epoch begins, and clients that \
            resume get a gap notice"
        );
    }
    if lost > 0 {
        tracing::error!(
            store = %store.path(), lost,
            "the store is damaged: the count of lost commits, rows of channels and ranges of rows \
            is given; a new epoch begins, and clients that resume get a gap notice"
        );
    } else if is_torn {
        let store = store.path();
        tracing::warn!(%store, "the last run ended without a sync: its last messages may be lost");
    }
    let epoch = match before {
        Some(epoch) if lost == 0 && !is_torn && copy.is_none() => epoch,
        // Offsets that were handed out and lost would be handed out again.
        Some(epoch) => now_ms.max(epoch + 1),
        None => now_ms,
    };
    // With a sync for each answer, nothing that was handed out can be lost.
    let running = u64::from(sync != Sync::Always);
    let of_order = fact(store, ORDER_EPOCH)?;
    if of_order != before {
        // A version that knows nothing of the order began an epoch: it may have given offsets once more.
        remove_order_after(store, 0, &mut changes)?;
    }
    if of_order != Some(epoch) {
        changes.put(layout::fact(ORDER_EPOCH), epoch.to_be_bytes().to_vec());
    }
    if before != Some(epoch) {
        changes.put(layout::fact(EPOCH), epoch.to_be_bytes().to_vec());
    }
    if fact(store, RUNNING)?.unwrap_or(0) != running {
        changes.put(layout::fact(RUNNING), running.to_be_bytes().to_vec());
    }
    copies::claim(store, &mut changes)?;
    if !changes.is_empty() {
        match store.commit(changes.clone(), Wait::ForDisk) {
            Err(StoreError::Full) => {
                let store = store.path();
                tracing::error!(%store, "no room left on the disk: the store opens for reading");
                return Ok((epoch, changes));
            }
            committed => committed?,
        }
    }
    if lost > 0 && store.checkpoint().is_err() {
        tracing::warn!(store = %store.path(), "a start after a crash will count the same as lost again");
    }
    Ok((epoch, Changes::default()))
}

/// Brings channels whose options say otherwise than they did into shape.
fn convert(
    store: &Store,
    broker: &Broker,
    channels: &Channels,
    restored: &mut [(ChannelName, State)],
) -> Result<(), StoreError> {
    for (name, state) in restored {
        if broker.options(name).compaction.is_some() == state.is_compact {
            continue;
        }
        let (converted, mut changes) = conversion::convert(store, *state)?;
        changes.put(layout::channel(state.number), converted.encode(name));
        store.commit(changes, Wait::ForDisk)?;
        log_conversion(store, name, state, &converted);
        *state = converted;
        channels.set(name.clone(), converted);
    }
    Ok(())
}

/// Logs what the conversion has deleted, and which setting keeps the rest.
fn log_conversion(store: &Store, channel: &ChannelName, before: &State, after: &State) {
    let (store, messages) = (store.path(), before.count.saturating_sub(after.count));
    let bytes = before.bytes.saturating_sub(after.bytes);
    if before.is_compact {
        let values = before.values;
        tracing::warn!(
            %store, %channel, values, messages, bytes,
            "the channel was compacted and no longer is: all its messages were deleted, values \
            included; with `compact = true` a start keeps them"
        );
    } else {
        tracing::warn!(
            %store, %channel, messages, bytes,
            "the channel is compacted now (`compact = true`): messages without a key and \
            superseded ones were deleted"
        );
    }
}

fn restore(commit_state: &mut CommitState, channels: &[(ChannelName, State)]) {
    for (name, state) in channels {
        commit_state.broker.restore(name, state.last, state.taken, state.loss());
        if state.count == 0 {
            commit_state.broker.lose(name, state.last, state.loss());
        }
        commit_state.totals.add(state, commit_state.dedup_windows.contains_key(&state.number));
    }
    commit_state.channels.set_oldest(commit_state.totals.first());
}

/// One more than the highest number of a channel that has messages, whether or not its row is left.
fn newest_number(store: &Store) -> Result<u64, StoreError> {
    let (from, upto) = (layout::message(0, 0), layout::message(u64::MAX, u64::MAX));
    let bounds = (Bound::Included(from.as_slice()), Bound::Included(upto.as_slice()));
    let mut number = 0;
    store.scan(bounds.0, bounds.1, Order::Descending, |row| {
        let Some(newest) = row.value.and_then(|_| layout::channel_of(row.key)) else {
            return ControlFlow::Continue(());
        };
        number = newest.saturating_add(1);
        ControlFlow::Break(())
    })?;
    Ok(number)
}

pub(crate) fn fact(store: &Store, name: &str) -> Result<Option<u64>, StoreError> {
    let value = store.find(&layout::fact(name))?;
    Ok(value.and_then(|value| Some(u64::from_be_bytes(*value.first_chunk()?))))
}

/// The default of what readers that resume from disk share: a minute of a busy log.
const CACHE_BYTES_MAX: usize = 64 << 20;

pub(crate) const FORMAT: &str = "format";
/// 2 notes more in the row of the [`Progress`] than 1, of which all is taken over.
pub(crate) const FORMAT_KNOWN: u64 = 2;
/// The format of what is being restored, until all of it is there.
pub(crate) const UNFINISHED: u64 = u64::MAX;
pub(crate) const EPOCH: &str = "epoch";

/// The epoch again, as long as the order is true of it.
pub(crate) const ORDER_EPOCH: &str = "order-epoch";

/// Whether the store is in use by a life that answers before it syncs.
pub(crate) const RUNNING: &str = "running";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        LogEngine,
        inspection::{commit_state, publish, store},
    };

    #[test]
    fn a_store_of_the_first_format_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, broker) = LogEngine::open(directory.path(), Settings::default(), 7).unwrap();
        publish(&engine, "a", None, 1_000);
        drop((engine, broker));
        let first = store(directory.path());
        let mut changes = Changes::default();
        changes.put(layout::fact(FORMAT), 1_u64.to_be_bytes().to_vec());
        let progress = [1_u64.to_be_bytes(), 1_u64.to_be_bytes()].concat();
        changes.put(layout::progress(), progress);
        first.commit(changes, Wait::ForDisk).unwrap();
        drop(first);
        let commit_state = commit_state(directory.path(), &Settings::default(), 8);
        assert_eq!(
            (commit_state.broker.epoch(), commit_state.last, commit_state.time_ms),
            (7, 1, 1_000)
        );
        assert_eq!(fact(&commit_state.store, FORMAT).unwrap(), Some(2));
    }

    #[test]
    fn a_store_of_a_later_format_is_refused_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (engine, broker) = LogEngine::open(directory.path(), Settings::default(), 7).unwrap();
        publish(&engine, "a", None, 1_000);
        drop((engine, broker));
        let set_format = |format: u64| {
            let mut changes = Changes::default();
            changes.put(layout::fact(FORMAT), format.to_be_bytes().to_vec());
            store(directory.path()).commit(changes, Wait::ForDisk).unwrap();
        };
        set_format(FORMAT_KNOWN + 1);
        for _ in 0..2 {
            let error = LogEngine::open(directory.path(), Settings::default(), 8).unwrap_err();
            let expected = "the store is of format 3; this version reads format 2";
            assert_eq!(error.to_string(), expected);
        }
        set_format(FORMAT_KNOWN);
        let (_engine, broker) = LogEngine::open(directory.path(), Settings::default(), 9).unwrap();
        assert_eq!((broker.epoch(), broker.head()), (7, 1));
    }

    /// Has one start find what is missing, and the next ones nothing, whether or not a crash was
    /// between them.
    #[track_caller]
    fn assert_repaired(harm: impl FnOnce(&mut Changes)) {
        let (directory, settings) = (tempfile::tempdir().unwrap(), Settings::default());
        let (engine, broker) = LogEngine::open(directory.path(), settings.clone(), 7).unwrap();
        ["a", "b", "c"].iter().for_each(|channel| publish(&engine, channel, None, 1_000));
        drop((engine, broker));
        let (harmed, mut changes) = (store(directory.path()), Changes::default());
        harm(&mut changes);
        harmed.commit(changes, Wait::ForDisk).unwrap();
        drop(harmed);
        let found = commit_state(directory.path(), &settings, 8);
        let (last, next_number) = (found.last, found.channels.next_number());
        assert_eq!((found.broker.epoch(), last, next_number), (8, 3, 3));
        drop(found);
        for now_ms in [9, 10] {
            assert_eq!(commit_state(directory.path(), &settings, now_ms).broker.epoch(), 8);
            let (engine, broker) = LogEngine::open(directory.path(), settings.clone(), 11).unwrap();
            assert_eq!(broker.epoch(), 8);
            publish(&engine, "d", None, 1_000);
        }
    }

    #[test]
    fn a_store_whose_progress_is_missing_begins_one_new_epoch() {
        assert_repaired(|changes| changes.remove(layout::progress()));
    }

    #[test]
    fn a_channel_whose_row_is_missing_is_lost_once() {
        for number in 0..3 {
            assert_repaired(|changes| changes.remove(layout::channel(number)));
        }
    }

    #[test]
    fn a_row_that_names_no_channel_is_lost_once() {
        assert_repaired(|changes| changes.put(layout::channel(2), b"?".to_vec()));
    }
}
