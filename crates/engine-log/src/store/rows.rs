//! Rows as they are shown: those of the table and those not checkpointed yet, in one order, and where
//! some cannot be read.

use super::holes::{Hole, Piece, pieces};
use redb::{AccessGuard, ReadOnlyTable};
use std::{
    cmp::Ordering,
    iter,
    ops::{Bound, ControlFlow},
};

/// Which end of a range comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// One row of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) key: &'a [u8],
    /// None: no row, but from this key on an unknown number of rows cannot be read.
    pub(crate) value: Option<&'a [u8]>,
}

/// A table's rows of a range, in order, with a word for each hole.
pub(super) fn checkpointed<'a>(
    table: &'a Table,
    bounds: (Bound<&'a [u8]>, Bound<&'a [u8]>),
    holes: &'a [Hole],
    order: Order,
) -> impl Iterator<Item = Result<TableEntry<'a>, redb::StorageError>> {
    let mut pieces = pieces(bounds, holes);
    if order == Order::Descending {
        pieces.reverse();
    }
    pieces.into_iter().flat_map(move |piece| -> Box<dyn Iterator<Item = _> + 'a> {
        let (bounds, ends) = match piece {
            Piece::Hole(from) => return Box::new(iter::once(Ok(TableEntry::Hole(from)))),
            Piece::Rows { bounds, ends } => (bounds, ends),
        };
        match table.range::<&[u8]>(bounds) {
            Err(error) => Box::new(iter::once(Err(error))),
            Ok(rows) if order == Order::Ascending => Box::new(rows_upto(rows, ends.1)),
            Ok(rows) => Box::new(rows_upto(rows.rev(), ends.0)),
        }
    })
}

/// Rows up to that with the key `end`, if there is one; nothing after it is read.
fn rows_upto<'a>(
    mut rows: impl Iterator<Item = Result<(Guard, Guard), redb::StorageError>>,
    end: Option<&[u8]>,
) -> impl Iterator<Item = Result<TableEntry<'a>, redb::StorageError>> {
    let mut is_over = false;
    iter::from_fn(move || {
        let row = if is_over { None } else { rows.next() }?;
        Some(row.map(|(key, value)| {
            is_over = end == Some(key.value());
            TableEntry::Row(key, value)
        }))
    })
}

/// Shows rows of both in order; where both have one, the pending one counts.
///
/// # Errors
///
/// With the key of the last row shown.
pub(super) fn merge<'a>(
    checkpointed: impl Iterator<Item = Result<TableEntry<'a>, redb::StorageError>>,
    pending: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    order: Order,
    visit: &mut impl FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<(), (redb::StorageError, Option<Vec<u8>>)> {
    let (mut checkpointed, mut pending) = (checkpointed.peekable(), pending.peekable());
    let mut last = None;
    loop {
        let comes_first = match (checkpointed.peek(), pending.peek()) {
            (Some(Ok(old)), Some((new, _))) => {
                let ordering = old.key().cmp(new);
                if order == Order::Ascending { ordering } else { ordering.reverse() }
            }
            (Some(_), None) | (Some(Err(_)), Some(_)) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return Ok(()),
        };
        let old = if comes_first.is_le() { checkpointed.next() } else { None };
        let flow = if comes_first.is_lt() {
            match old {
                None => return Ok(()),
                Some(Err(error)) => return Err((error, last.map(TableEntry::into_key))),
                Some(Ok(row)) => {
                    let flow = visit(Row { key: row.key(), value: row.value() });
                    last = Some(row);
                    flow
                }
            }
        } else {
            let Some((key, value)) = pending.next() else { return Ok(()) };
            last = Some(TableEntry::Hole(key));
            value.map_or(ControlFlow::Continue(()), |value| visit(Row { key, value: Some(value) }))
        };
        if flow.is_break() {
            return Ok(());
        }
    }
}

pub(super) type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;
type Guard = AccessGuard<'static, &'static [u8]>;

/// What a table has.
pub(super) enum TableEntry<'a> {
    Row(Guard, Guard),
    Hole(&'a [u8]),
}

impl TableEntry<'_> {
    fn key(&self) -> &[u8] {
        match self {
            Self::Row(key, _) => key.value(),
            Self::Hole(from) => from,
        }
    }

    fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Row(_, value) => Some(value.value()),
            Self::Hole(_) => None,
        }
    }

    fn into_key(self) -> Vec<u8> {
        self.key().to_vec()
    }
}
