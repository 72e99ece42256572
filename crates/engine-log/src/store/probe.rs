//! Finding where rows cannot be read: by trying further and further on, then by halving the way back.

use super::{
    StoreError, caught,
    databases::{ROWS, RowsFile},
    holes::Hole,
    rows::Order,
};
use redb::{ReadOnlyDatabase, ReadableDatabase};
use std::ops::Bound;

/// The hole into which a read runs that begins at `from`, whichever way it goes. O(log keys) reads.
///
/// Of two holes that are close together, what is between them may be taken for a part.
pub(super) fn find_hole(
    rows_file: &RowsFile,
    from: Bound<&[u8]>,
    order: Order,
) -> Result<Option<Hole>, StoreError> {
    let mut probe = Probe { rows_file, reader: None };
    // Without the root of all there is nowhere to go on.
    let reader = probe.reader()?;
    caught(|| Ok(reader.begin_read()?.open_table(ROWS)?))?;
    if probe.next(from, order).is_ok() {
        return Ok(None);
    }
    let key = match from {
        Bound::Included(key) | Bound::Excluded(key) => key,
        Bound::Unbounded if order == Order::Ascending => &[],
        Bound::Unbounded => &[u8::MAX],
    };
    // A row that is there itself is before the hole, as far as the read has come.
    let behind = probe.search(key, order);
    let back = match order {
        Order::Ascending => Order::Descending,
        Order::Descending => Order::Ascending,
    };
    let before = match probe.next(Bound::Included(key), back) {
        Ok(row) => row,
        Err(_) => probe.search(key, back),
    };
    let (last, first) = if order == Order::Ascending { (before, behind) } else { (behind, before) };
    let from = last.as_ref().map_or(Vec::new(), |last| [last, &[0][..]].concat());
    Ok(Some(Hole { last, first, from }))
}

/// Tries to read, with a handle of its own: after one error a handle takes no more orders.
struct Probe<'a> {
    rows_file: &'a RowsFile,
    reader: Option<ReadOnlyDatabase>,
}

impl Probe<'_> {
    /// The first row after a key that can be read, found by ever longer steps and then by halving.
    fn search(&mut self, key: &[u8], order: Order) -> Option<Vec<u8>> {
        let begin = KeyPoint::of(key);
        let (mut bad, mut distance) = (begin, Some(1_u128));
        let (mut good, mut row) = loop {
            let further = distance.and_then(|distance| begin.at(distance, order));
            let next = further.or_else(|| bad.beyond(order))?;
            if let Ok(row) = self.next(Bound::Included(&next.key()), order) {
                break (next, row);
            }
            bad = next;
            distance = distance.and_then(|distance| distance.checked_mul(2));
        };
        while let Some(middle) = bad.halfway(good) {
            match self.next(Bound::Included(&middle.key()), order) {
                Ok(found) => (good, row) = (middle, found),
                Err(_) => bad = middle,
            }
        }
        row
    }

    /// The first row at or after a bound, in this order.
    fn next(&mut self, from: Bound<&[u8]>, order: Order) -> Result<Option<Vec<u8>>, StoreError> {
        let reader = self.reader()?;
        let row = caught(|| {
            let table = reader.begin_read()?.open_table(ROWS)?;
            let row = match order {
                Order::Ascending => {
                    table.range::<&[u8]>((from, Bound::Unbounded))?.next().transpose()?
                }
                Order::Descending => {
                    table.range::<&[u8]>((Bound::Unbounded, from))?.next_back().transpose()?
                }
            };
            Ok(row.map(|(key, _)| key.value().to_vec()))
        })?;
        self.reader = Some(reader);
        Ok(row)
    }

    fn reader(&mut self) -> Result<ReadOnlyDatabase, StoreError> {
        self.reader.take().map_or_else(|| self.rows_file.open_to_read(), Ok)
    }
}

/// A key as a number: its kind, and the sixteen bytes behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyPoint {
    kind: u8,
    number: u128,
}

impl KeyPoint {
    fn of(key: &[u8]) -> Self {
        let (kind, rest) = key.split_first().unwrap_or((&0, &[]));
        let mut number = [0; 16];
        number.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
        Self { kind: *kind, number: u128::from_be_bytes(number) }
    }

    fn key(self) -> Vec<u8> {
        [&[self.kind], &self.number.to_be_bytes()[..]].concat()
    }

    /// So far on, among its kind.
    fn at(self, distance: u128, order: Order) -> Option<Self> {
        let number = match order {
            Order::Ascending => self.number.checked_add(distance),
            Order::Descending => self.number.checked_sub(distance),
        };
        number.map(|number| Self { number, ..self })
    }

    /// Where the next kind begins.
    fn beyond(self, order: Order) -> Option<Self> {
        match order {
            Order::Ascending => Some(Self { kind: self.kind.checked_add(1)?, number: 0 }),
            Order::Descending => Some(Self { kind: self.kind.checked_sub(1)?, number: u128::MAX }),
        }
    }

    /// Between two of a kind, or between one and the end of its kind.
    fn halfway(self, good: Self) -> Option<Self> {
        let end = if self.kind == good.kind {
            good.number
        } else if self.kind < good.kind {
            u128::MAX
        } else {
            0
        };
        let half = self.number.abs_diff(end) / 2;
        let number = if self.number < end { self.number + half } else { self.number - half };
        (half > 0).then_some(Self { number, ..self })
    }
}
