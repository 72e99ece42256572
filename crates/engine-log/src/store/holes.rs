//! Where rows cannot be read, and what a range of keys is around there.

use std::ops::Bound;

/// Keys whose rows, if there are any, cannot be read: those between two rows that can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// The row before it, if any.
    pub(super) last: Option<Vec<u8>>,
    /// The row after it, if any.
    pub(super) first: Option<Vec<u8>>,
    /// The first key in it.
    pub(super) from: Vec<u8>,
}

/// A part of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Rows {
        bounds: (Bound<&'a [u8]>, Bound<&'a [u8]>),
        /// The rows at whose other side there is a hole: to look further is to look into it.
        ends: (Option<&'a [u8]>, Option<&'a [u8]>),
    },
    /// Where it begins.
    Hole(&'a [u8]),
}

/// Divides a range at the holes in it, which are given in order.
pub(super) fn pieces<'a>(
    (mut from, upto): (Bound<&'a [u8]>, Bound<&'a [u8]>),
    holes: &'a [Hole],
) -> Vec<Piece<'a>> {
    let (mut pieces, mut begin) = (Vec::new(), None);
    for Hole { last, first, from: hole } in holes {
        let (last, first) = (last.as_deref(), first.as_deref());
        let begins_before_end = match upto {
            Bound::Included(upto) | Bound::Excluded(upto) => last.is_none_or(|last| last < upto),
            Bound::Unbounded => true,
        };
        let ends_behind_begin = match from {
            Bound::Included(from) | Bound::Excluded(from) => first.is_none_or(|first| from < first),
            Bound::Unbounded => true,
        };
        if !begins_before_end || !ends_behind_begin {
            continue;
        }
        if let Some(last) = last {
            let bounds = (from, Bound::Included(last));
            pieces.push(Piece::Rows { bounds, ends: (begin, Some(last)) });
        }
        pieces.push(Piece::Hole(hole));
        let Some(first) = first else { return pieces };
        (from, begin) = (Bound::Included(first), Some(first));
    }
    pieces.push(Piece::Rows { bounds: (from, upto), ends: (begin, None) });
    pieces
}

/// Adds a hole to others in order, in the place of any that it touches.
pub(super) fn add(holes: &mut Vec<Hole>, new: Hole) {
    let is_apart = |old: &mut Hole| {
        let is_before = old.first.is_some() && old.first <= new.last;
        let is_behind = new.first.is_some() && new.first <= old.last;
        is_before || is_behind
    };
    holes.retain_mut(is_apart);
    holes.push(new);
    holes.sort_by(|one, other| one.from.cmp(&other.from));
}
