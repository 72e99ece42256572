//! Reads pages of history as `GET /channels/…/messages` would, alone and in chains from either end.

use super::{
    clock::{WALL_CLOCK_MS, time},
    oracle::Oracle,
    pages::{PageAsk, Reading},
    wire_reader::Manner,
    world::World,
};
use std::{collections::BTreeSet, time::Duration};
use tidewire_broker::Grant;
use tidewire_connection::{Format, Page, PageRequest, Span};
use tidewire_protocol::{HistoryPage, Position, Since};

impl World {
    /// Anything that a page may be asked for.
    pub(crate) fn draw_ask(&mut self) -> PageAsk {
        let pattern = self.settings.pattern(&mut self.rng).to_owned();
        let shape = self.rng.u8(..5);
        let mut place = |is_there: bool| is_there.then(|| self.draw_place());
        let (since, before) = (place(shape < 3), place(shape == 2 || shape == 3));
        let until = place(shape == 1);
        let limit = self.rng.usize(1..20);
        PageAsk { pattern, since, before, until, limit, wall_ms: time(self.now_ms).wall_ms }
    }

    fn draw_place(&mut self) -> Since {
        let broker = &self.engine.broker;
        let (epoch, head) = (broker.epoch(), broker.head());
        let offset = self.rng.u64(0..=head + 1);
        let time_ms = self.history.entry(epoch, offset).map(|entry| entry.time_ms);
        match self.rng.u8(..16) {
            0 => Since::Earliest,
            1 => Since::Now,
            2 => Since::after(Position { epoch: epoch + 1, offset }),
            3..8 => Since::Time(time_ms.unwrap_or(WALL_CLOCK_MS) + self.rng.u64(..2)),
            _ => Since::after(Position { epoch, offset }),
        }
    }

    /// Somebody reads one page of something.
    pub(crate) fn read_anything(&mut self) -> Result<(), String> {
        let mut ask = self.draw_ask();
        if self.rng.u8(..8) == 0 {
            ask.since = Some(Since::Ago(Duration::from_millis(self.rng.u64(0..5_000))));
        }
        self.read_page(&ask).map(|_| ())
    }

    /// Reads a page, and checks it.
    fn read_page(&mut self, ask: &PageAsk) -> Result<HistoryPage, String> {
        let spell = |place: Option<Since>| place.map(|place| place.to_string());
        let (since, before, until) = (spell(ask.since), spell(ask.before), spell(ask.until));
        let span = Span::parse(since.as_deref(), before.as_deref(), until.as_deref());
        let span = span.map_err(|error| error.to_string())?;
        let pattern = ask.pattern.parse().map_err(|_| format!("{} is no pattern", ask.pattern))?;
        let permit = Grant::open().permit_subscribe(&pattern).map_err(|error| error.to_string())?;
        let history = Grant::open().permit_history().map_err(|error| error.to_string())?;
        let request = PageRequest { permit, history, span, limit: Some(ask.limit) };
        let (broker, limits) = (&self.engine.broker, &self.settings.limits);
        let oracle = Oracle::new(&self.history, &self.engine, &self.settings, EARS);
        let held = oracle.holdings();
        let page = Page::read(request, broker, limits, time(self.now_ms));
        let mut json = Vec::new();
        page.write_json(Format::Json, broker, &mut json);
        let page: HistoryPage = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
        let is_calm = oracle.holdings() == held;
        let gather_bytes_max = limits.gather_bytes_max;
        ask.check(&page, &oracle, Some(&Reading { before: held, is_calm, gather_bytes_max }))?;
        self.tally.pages_read += 1;
        self.tally.pages_lossy += u64::from(!page.gaps.is_empty());
        Ok(page)
    }

    /// Checks, at rest, that the pages of a pattern hold all of it from whichever end they come.
    pub(crate) fn check_chains(&mut self) -> Result<(), String> {
        let pattern = self.settings.pattern(&mut self.rng).to_owned();
        let limit = self.rng.usize(1..8);
        let (since, before, wall_ms) = (None, Some(Since::Now), time(self.now_ms).wall_ms);
        let ask = PageAsk { pattern, since, before, until: None, limit, wall_ms };
        self.check_chain(ask.clone())?;
        self.check_chain(PageAsk { since: Some(Since::Earliest), before: None, ..ask })
    }

    fn check_chain(&mut self, mut ask: PageAsk) -> Result<(), String> {
        let (whole, mut read) = (ask.clone(), BTreeSet::new());
        for _ in 0..PAGES_MAX {
            let page = self.read_page(&ask)?;
            let offsets = page.messages.iter().map(|message| message.position.offset);
            for offset in offsets {
                if !read.insert(offset) {
                    return Err(format!("{offset} is on two pages of {ask:?}"));
                }
            }
            if !page.more {
                // Only now: to read on one more wire may push the oldest out.
                let owed =
                    whole.owed(&Oracle::new(&self.history, &self.engine, &self.settings, EARS));
                let missing = owed.iter().find(|offset| !read.contains(offset));
                self.tally.chains += 1;
                return missing.map_or(Ok(()), |it| Err(format!("{it} is on no page of {ask:?}")));
            }
            match &mut ask.before {
                Some(before) => *before = Since::after(page.before),
                None => ask.since = Some(page.position.into()),
            }
        }
        Err(format!("pages without an end: {ask:?}"))
    }
}

/// A poll shows everything, and no message is an echo.
const EARS: (Manner, Option<u64>) = (Manner::Poll, None);

/// More than there are messages in any world.
const PAGES_MAX: usize = 5_000;
