//! Channels whose compaction was switched on or off between two runs.
//!
//! If it was switched on, each key keeps its newest message, and messages without a key are removed. If it was switched
//! off, all messages are removed: values that nothing has superseded may be as old as the store, and messages between
//! them are missing, so they are not a history. Readers that resume from before get a gap notice.

use crate::{
    channels::State,
    commit_state::units,
    layout::{self, Held},
    pending::Changes,
    record::Record,
    store::{Order, Store, StoreError},
};
use std::{
    collections::HashMap,
    ops::{Bound, ControlFlow},
};
use tidewire_broker::{Label, Message, key_cost_bytes};

/// The channel as its options now want it, and what has to change for that. O(its messages).
pub(crate) fn convert(store: &Store, state: State) -> Result<(State, Changes), StoreError> {
    if state.is_compact { dissolve(store, state) } else { compact(store, state) }
}

fn compact(store: &Store, mut state: State) -> Result<(State, Changes), StoreError> {
    let (mut changes, mut newest) = (Changes::default(), HashMap::<Label, Held>::new());
    (state.is_compact, state.count, state.bytes) = (true, 0, 0);
    let range = (layout::message(state.number, 0), layout::message(state.number, u64::MAX));
    each(store, &range, |key, value| {
        let Some(offset) = layout::offset_of(key) else { return };
        let record = Record::decode(value);
        let Some((label, draft)) =
            record.and_then(|record| Some((record.draft.key.clone()?, record.draft)))
        else {
            changes.remove(key.to_vec());
            state.taken = state.taken.max(offset);
            return;
        };
        let bytes = units(Message::cost_of(&draft) + key_cost_bytes(&label));
        let held = Held { offset, bytes, is_tombstone: draft.content.is_nothing() };
        if let Some(old) = newest.insert(label, held) {
            changes.remove(layout::message(state.number, old.offset));
        }
    })?;
    // It may have lost anything before.
    state.lost_messages = state.taken > 0;
    for (label, held) in newest {
        state.count += 1;
        state.bytes += held.bytes.saturating_sub(units(key_cost_bytes(&label)));
        if held.is_tombstone {
            let text = label.as_str().as_bytes().to_vec();
            changes.put(layout::tombstone(state.number, held.offset), text);
        } else {
            state.values += 1;
            state.values_bytes += held.bytes;
        }
        changes.put(layout::key(state.number, &label), held.encode());
    }
    Ok((state, changes))
}

fn dissolve(store: &Store, state: State) -> Result<(State, Changes), StoreError> {
    let mut changes = Changes::default();
    for range in layout::all_of(state.number) {
        each(store, &range, |key, _| changes.remove(key.to_vec()))?;
    }
    let State { number, last, .. } = state;
    Ok((State { number, last, taken: last, ..State::default() }, changes))
}

/// Shows the rows of a range that can be read.
pub(crate) fn each(
    store: &Store,
    (from, upto): &(Vec<u8>, Vec<u8>),
    mut visit: impl FnMut(&[u8], &[u8]),
) -> Result<(), StoreError> {
    store.scan(Bound::Included(from), Bound::Included(upto), Order::Ascending, |row| {
        if let Some(value) = row.value {
            visit(row.key, value);
        }
        ControlFlow::Continue(())
    })
}
