//! Rows as they are shown: those of the table and those not settled yet, in one order.

use super::seal::unsealed;
use std::{cmp::Ordering, ops::ControlFlow};

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
    /// None: it is not as it was written.
    pub(crate) value: Option<&'a [u8]>,
}

/// Shows rows of both in order; where both have one, the pending one counts.
pub(super) fn merge<'a, 'b>(
    settled: impl Iterator<Item = Result<Settled, redb::StorageError>>,
    pending: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    order: Order,
    visit: &mut impl FnMut(Row<'_>) -> ControlFlow<()>,
) -> Result<(), redb::Error> {
    let (mut settled, mut pending) = (settled.peekable(), pending.peekable());
    loop {
        let comes_first = match (settled.peek(), pending.peek()) {
            (Some(Ok((old, _))), Some((new, _))) => {
                let ordering = old.value().cmp(new);
                if order == Order::Ascending { ordering } else { ordering.reverse() }
            }
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(Err(_)), Some(_)) => Ordering::Less,
            (None, None) => return Ok(()),
        };
        let flow = if comes_first.is_lt() {
            let Some(row) = settled.next() else { return Ok(()) };
            let (key, value) = row?;
            show(key.value(), value.value(), visit)
        } else {
            if comes_first.is_eq() {
                settled.next();
            }
            let Some((key, value)) = pending.next() else { return Ok(()) };
            value.map_or(ControlFlow::Continue(()), |value| show(key, value, visit))
        };
        if flow.is_break() {
            return Ok(());
        }
    }
}

type Settled =
    (redb::AccessGuard<'static, &'static [u8]>, redb::AccessGuard<'static, &'static [u8]>);

fn show(
    key: &[u8],
    sealed: &[u8],
    visit: &mut impl FnMut(Row<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    visit(Row { key, value: unsealed(key, sealed) })
}
