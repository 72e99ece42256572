//! Opening a store: what the last life left, whether its order can be continued, and the figures
//! of every channel. No message is read.

use crate::{
    OpenError, Settings, Sync,
    archive::LogArchive,
    batch::{World, units},
    channels::{Channels, State},
    conversion,
    layout::{self, Known},
    pending::Changes,
    store::{Disks, Order, Row, Store, StoreError, Wait},
};
use std::{
    collections::HashMap,
    ops::{Bound, ControlFlow},
    path::Path,
    sync::Arc,
};
use tidewire_broker::{Broker, ChannelName, Recent};

/// Opens a store and a broker before it.
pub(crate) fn open(
    directory: &Path,
    disks: Disks,
    settings: &Settings,
    now_ms: u64,
) -> Result<World, OpenError> {
    let told = |error| match error {
        StoreError::Full => OpenError::Full { path: directory.to_path_buf() },
        StoreError::Failed(why) => OpenError::Damaged { why },
    };
    let (store, mut lost) = Store::open(disks).map_err(told)?;
    let mut survey = Survey::of(&store, told);
    if store.is_damaged() {
        lost += store.mend().map_err(told)?;
        survey = Survey::of(&store, told);
    }
    let Survey { channels, mut restored, last, missing } = survey?;
    lost += missing;
    let epoch = continue_epoch(&store, settings.sync, lost, now_ms).map_err(told)?;
    let (store, channels) = (Arc::new(store), Arc::new(channels));
    let archive =
        LogArchive { store: Arc::clone(&store), channels: Arc::clone(&channels), inherited: last };
    let broker = Broker::with_archive(epoch, last, settings.limits.clone(), Arc::new(archive));
    convert(&store, &broker, &channels, &mut restored).map_err(told)?;
    restore(&broker, &restored);
    let mut world = World {
        store,
        channels,
        broker,
        recents: HashMap::new(),
        ids: 0,
        last,
        time_ms: 0,
        removals: Changes::default(),
    };
    load_ids(&mut world, now_ms).map_err(told)?;
    Ok(world)
}

/// What the rows say, and how many of them are missing.
struct Survey {
    channels: Channels,
    restored: Vec<(ChannelName, State)>,
    last: u64,
    missing: u64,
}

impl Survey {
    fn of(store: &Store, told: impl Fn(StoreError) -> OpenError) -> Result<Self, OpenError> {
        check_format(store)?;
        let (channels, mut restored) = (Channels::default(), Vec::new());
        let mut missing = scan_rows(store, layout::CHANNELS, |key, value| {
            let (state, name) = State::decode(layout::offset_of(key)?, value)?;
            channels.set(name.clone(), state);
            restored.push((name, state));
            Some(())
        })
        .map_err(&told)?;
        channels.reserve(newest_number(store).map_err(&told)?);
        let (known_last, known_channels) =
            layout::decode_order(store.find(&layout::order()).map_err(told)?);
        let last = restored.iter().map(|(_, state)| state.last).max().unwrap_or(0);
        missing += u64::from(last < known_last || units(restored.len()) < known_channels);
        Ok(Self { channels, restored, last: last.max(known_last), missing })
    }
}

/// Leaves the store as after a quiet end: nothing in the journal, and the order continued.
pub(crate) fn close(store: &Store, sync: Sync) {
    let closed = store.settle().and_then(|()| match sync {
        Sync::Always => Ok(()),
        Sync::Every(_) | Sync::Never => {
            let mut changes = Changes::default();
            changes.put(layout::fact(RUNNING), 0_u64.to_be_bytes().to_vec());
            store.commit(changes, Wait::ForDisk)
        }
    });
    if let Err(error) = closed {
        tracing::error!(%error, "the store was not closed quietly; the next start sorts it out");
    }
}

fn check_format(store: &Store) -> Result<(), OpenError> {
    let damaged = |error: StoreError| OpenError::Damaged { why: error.to_string() };
    match fact(store, FORMAT).map_err(damaged)? {
        Some(FORMAT_KNOWN) => Ok(()),
        Some(found) => Err(OpenError::Format { found, known: FORMAT_KNOWN }),
        None => {
            let mut changes = Changes::default();
            changes.put(layout::fact(FORMAT), FORMAT_KNOWN.to_be_bytes().to_vec());
            store.commit(changes, Wait::ForDisk).map_err(damaged)
        }
    }
}

/// The epoch of the last life, if its order goes on; else one that nobody has seen.
fn continue_epoch(store: &Store, sync: Sync, lost: u64, now_ms: u64) -> Result<u64, StoreError> {
    let before = fact(store, EPOCH)?;
    let is_torn = fact(store, RUNNING)?.is_some_and(|running| running != 0);
    if lost > 0 {
        tracing::error!(rows = lost, "the store is damaged: what those rows held is lost");
    } else if is_torn {
        tracing::warn!("the last run ended without a sync: its last messages may be lost");
    }
    let epoch = match before {
        Some(epoch) if lost == 0 && !is_torn => epoch,
        // Offsets that were handed out and lost would be handed out again.
        Some(epoch) => now_ms.max(epoch + 1),
        None => now_ms,
    };
    // With a sync for each answer, nothing that was handed out can be lost.
    let running = u64::from(sync != Sync::Always);
    let mut changes = Changes::default();
    if before != Some(epoch) {
        changes.put(layout::fact(EPOCH), epoch.to_be_bytes().to_vec());
    }
    if fact(store, RUNNING)?.unwrap_or(0) != running {
        changes.put(layout::fact(RUNNING), running.to_be_bytes().to_vec());
    }
    // A store that goes on as it was opens on a full disk, too.
    if !changes.is_empty() {
        store.commit(changes, Wait::ForDisk)?;
    }
    Ok(epoch)
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
        tracing::warn!(channel = %name, was_compacted = state.is_compact, "bringing into shape");
        let (converted, mut changes) = conversion::convert(store, *state)?;
        changes.put(layout::channel(state.number), converted.encode(name));
        store.commit(changes, Wait::ForDisk)?;
        *state = converted;
        channels.set(name.clone(), converted);
    }
    Ok(())
}

fn restore(broker: &Broker, channels: &[(ChannelName, State)]) {
    for (name, state) in channels {
        broker.restore(name, state.last, state.taken);
        if state.count == 0 {
            broker.lose(name, state.taken);
        }
    }
}

fn load_ids(world: &mut World, now_ms: u64) -> Result<(), StoreError> {
    let mut known = Vec::new();
    scan_rows(&world.store, layout::IDS, |key, value| {
        known.push((layout::offset_of(key)?, Known::decode(value)?));
        Some(())
    })?;
    for (offset, known) in known {
        let Some(channel) = world.channels.name(known.channel) else { continue };
        let window = world.broker.options(&channel).repeats;
        if known.time_ms.saturating_add(window.age_max_ms) <= now_ms {
            continue;
        }
        let recent: &mut Recent = world.recents.entry(known.channel).or_default();
        recent.note(known.id, known.digest, offset, &window, known.time_ms);
    }
    world.ids = world.recents.values().map(Recent::len).sum();
    Ok(())
}

/// Shows all rows of a kind, and returns how many make no sense.
fn scan_rows(
    store: &Store,
    kind: u8,
    mut visit: impl FnMut(&[u8], &[u8]) -> Option<()>,
) -> Result<u64, StoreError> {
    let mut lost = 0;
    let (from, upto) = ([kind], [kind + 1]);
    let bounds = (Bound::Included(&from[..]), Bound::Excluded(&upto[..]));
    store.scan(bounds.0, bounds.1, Order::Ascending, |row: Row<'_>| {
        lost += u64::from(row.value.and_then(|value| visit(row.key, value)).is_none());
        ControlFlow::Continue(())
    })?;
    Ok(lost)
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

fn fact(store: &Store, name: &str) -> Result<Option<u64>, StoreError> {
    let value = store.find(&layout::fact(name))?;
    Ok(value.and_then(|value| Some(u64::from_be_bytes(*value.first_chunk()?))))
}

const FORMAT: &str = "format";
const FORMAT_KNOWN: u64 = 1;
const EPOCH: &str = "epoch";

/// Whether the store is in use by a life that answers before it syncs.
const RUNNING: &str = "running";
