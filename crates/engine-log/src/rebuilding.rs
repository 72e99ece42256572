//! Channels whose row is lost: made again from their name, which is kept apart from it, and their
//! messages. O(rows of those channels), and only after damage.

use crate::{
    channels::{Channels, State},
    commit_state::units,
    conversion::each,
    layout::{self, Held},
    pending::Changes,
    record::Record,
    store::{Store, StoreError},
};
use tidewire_broker::{ChannelName, Message};

/// Adds to `restored` what has a name and messages, and no row.
pub(crate) fn rebuild(
    store: &Store,
    channels: &Channels,
    restored: &mut Vec<(ChannelName, State)>,
    repairs: &mut Changes,
) -> Result<(), StoreError> {
    let (before, mut names) = (restored.len(), Vec::new());
    each(store, &(vec![layout::NAMES], vec![layout::NAMES + 1]), |key, name| {
        let name = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
        let named: Option<(u64, ChannelName)> = layout::offset_of(key).zip(name);
        names.extend(named.filter(|(_, name)| channels.find(name).is_none()));
    })?;
    for (number, name) in names {
        let state = figures(store, number)?;
        if state.count == 0 {
            repairs.remove(layout::name(number));
            continue;
        }
        repairs.put(layout::channel(number), state.encode(&name));
        channels.set(name.clone(), state);
        restored.push((name, state));
    }
    let rebuilt = restored.len() - before;
    if rebuilt > 0 {
        tracing::warn!(
            store = %store.path(), channels = rebuilt,
            "the rows of these channels were lost; they are rebuilt from the messages that are left"
        );
    }
    Ok(())
}

/// A channel's state, computed from its messages and keys.
fn figures(store: &Store, number: u64) -> Result<State, StoreError> {
    let mut state = State { number, ..State::default() };
    let messages = (layout::message(number, 0), layout::message(number, u64::MAX));
    each(store, &messages, |key, value| {
        let Some((offset, record)) = layout::offset_of(key).zip(Record::decode(value)) else {
            return;
        };
        if state.count == 0 {
            (state.first, state.first_ms, state.taken) = (offset, record.time_ms, record.previous);
        }
        state.last = offset;
        state.count += 1;
        state.bytes += units(Message::cost_of(&record.draft));
    })?;
    each(store, &layout::keys_of(number), |_, value| {
        let Some(held) = Held::decode(value) else { return };
        // What else it has lost nobody knows.
        (state.is_compact, state.lost_messages) = (true, true);
        if !held.is_tombstone {
            state.values += 1;
            state.values_bytes += held.bytes;
        }
    })?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use crate::{
        LogEngine, Settings,
        inspection::{commit_state, publish, rows, store},
        layout,
        pending::Changes,
        store::Wait,
    };

    #[test]
    fn a_channel_whose_row_is_lost_is_there_again_as_it_was_in_a_new_epoch() {
        let home = tempfile::tempdir().unwrap();
        let (engine, _) = LogEngine::open(home.path(), Settings::default(), 1).unwrap();
        for channel in ["kept", "lost", "kept", "lost", "lost"] {
            publish(&engine, channel, None, 5);
        }
        drop(engine);
        let before = commit_state(home.path(), &Settings::default(), 9);
        let name = "lost".parse().unwrap();
        let state = before.channels.find(&name).unwrap();
        drop(before);
        let mut changes = Changes::default();
        changes.remove(layout::channel(state.number));
        store(home.path()).commit(changes, Wait::ForDisk).unwrap();

        let after = commit_state(home.path(), &Settings::default(), 9);
        assert_eq!(after.broker.epoch(), 9);
        let rebuilt = after.channels.find(&name).unwrap();
        assert_eq!(rebuilt, state);
        drop(after);
        // What was made again is kept.
        let again = commit_state(home.path(), &Settings::default(), 11);
        assert_eq!((again.broker.epoch(), again.channels.find(&name)), (9, Some(rebuilt)));
    }

    #[test]
    fn a_name_without_messages_goes_with_its_row() {
        let home = tempfile::tempdir().unwrap();
        let (engine, _) = LogEngine::open(home.path(), Settings::default(), 1).unwrap();
        publish(&engine, "kept", None, 5);
        publish(&engine, "lost", None, 5);
        drop(engine);
        let mut changes = Changes::default();
        changes.remove(layout::channel(1));
        changes.remove(layout::message(1, 2));
        store(home.path()).commit(changes, Wait::ForDisk).unwrap();
        let after = commit_state(home.path(), &Settings::default(), 9);
        assert!(after.channels.find(&"lost".parse().unwrap()).is_none());
        assert_eq!(rows(&after.store, layout::NAMES), [layout::name(0)]);
    }
}
