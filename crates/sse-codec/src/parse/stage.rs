//! Where in the stream the parser stands between two calls. The one home of its state machine.

use super::{Field, LimitError};

/// Where the next byte stands.
///
/// ```text
/// Mark ─┬─► BlockStart ─┐
///       │   LineStart  ─┴─► Name ─┬─► Value ──┐
///       │                         ├───────────┼─► LineStart, or AfterCr ─► LineStart
///       └─────────────────────────┴─► Skipped ┘
/// ```
///
/// A line's end leads to `AfterCr` if it is a CR and the input's last byte, else to `LineStart`; a
/// blank line leads from there to `BlockStart`. A line that ends in the input it begins in is taken
/// at once. `Refused` is reached from anywhere and left by no byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// What of a byte order mark may still come.
    Mark(&'static [u8]),
    /// At a line's start, and nothing is held of a block.
    BlockStart,
    /// At a line's start, and perhaps something is.
    LineStart,
    /// At a line's start, and an LF right here belongs to the line before.
    AfterCr,
    /// In a line that may yet be a field's.
    Name,
    /// In the value of a line.
    Value(Field),
    /// In a line to ignore.
    Skipped,
    /// A value was over its limit: the stream cannot be followed any further.
    Refused(LimitError),
}

/// Takes the line end that `bytes` begin with, and says where that leads.
pub(super) fn end_line(bytes: &[u8]) -> Option<(Stage, &[u8])> {
    match bytes {
        [] => None,
        b"\r" => Some((Stage::AfterCr, &[])),
        [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => Some((Stage::LineStart, rest)),
    }
}

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
