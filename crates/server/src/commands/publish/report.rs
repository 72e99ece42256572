//! What `publish --lines` says on standard error: what was refused, that the server is away, how many lines were
//! published, and positions for who asked for them.

use std::{fmt::Display, io::Write};
use tidewire_client::Position;

/// Reports the outcome of each line. Errors of standard error are ignored: the lines are published all the same.
#[derive(Debug)]
pub(super) struct Report<E> {
    stderr: E,
    positions: Positions,
    /// Where the lines go, for the summary at the end, if there is one.
    place: Option<String>,
    /// Lines that are in the log.
    published: u64,
    /// Lines that will never be published.
    refused: u64,
    /// The server is away, and that has been reported.
    away: bool,
}

/// Whether each line's position is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Positions {
    Hidden,
    Printed,
}

impl<E: Write> Report<E> {
    pub(super) const fn new(stderr: E, positions: Positions) -> Self {
        Self { stderr, positions, place: None, published: 0, refused: 0, away: false }
    }

    /// Adds a summary at the end: how many lines were published, and where.
    pub(super) fn summing_up(self, place: String) -> Self {
        Self { place: Some(place), ..self }
    }

    /// A line is in the log.
    pub(super) fn published(&mut self, line: u64, position: Position) {
        self.published += 1;
        if self.positions == Positions::Printed {
            let _ = writeln!(self.stderr, "line {line}: {position}");
        }
    }

    /// A line will never be in the log; the others go on.
    pub(super) fn refused(&mut self, line: u64, why: impl Display) {
        self.refused += 1;
        let _ = writeln!(self.stderr, "tidewire: line {line} was not published: {why}");
    }

    /// The server cannot be reached. Reported once, until it is back.
    pub(super) fn away(&mut self, why: impl Display) {
        if !self.away {
            let _ = writeln!(self.stderr, "tidewire: {why}; retrying");
        }
        self.away = true;
    }

    /// The server took something.
    pub(super) fn back(&mut self) {
        if self.away && self.place.is_some() {
            let _ = writeln!(self.stderr, "tidewire: connected again");
        }
        self.away = false;
    }

    /// Nothing more will be published.
    pub(super) fn end(&mut self) {
        if let Some(place) = &self.place {
            let lines = if self.published == 1 { "line" } else { "lines" };
            let _ = writeln!(self.stderr, "published {} {lines} to {place}", self.published);
        }
    }

    /// How many lines will never be published.
    pub(super) const fn refused_lines(&self) -> u64 {
        self.refused
    }
}
