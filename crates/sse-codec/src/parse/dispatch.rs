//! What a parser hands out: the event of a block that has ended, and items of one line.
//!
//! Each event is lent, or owned without a copy of what had to be gathered.

use super::event::{Event, Item, MESSAGE};
use super::field::Field;
use super::held::Held;
use super::limits::{LimitError, Limits};
use super::owned::{OwnedEvent, OwnedItem};
use super::{Lines, Parser, Short, refuse};
use crate::text::Text;
use alloc::string::String;

impl Parser {
    /// The event of a block that has ended.
    pub(super) fn dispatch<'p>(
        &'p mut self,
        lines: &Lines<'p>,
        has_id: bool,
    ) -> Result<Option<Item<'p>>, LimitError> {
        let Limits { data_bytes_max, field_bytes_max } = self.limits;
        if lines.data.is_none() {
            self.held.remember_len(0);
        }
        let Held { event, data, replaced_event, replaced_data, .. } = &mut self.held;
        let Some(name) = name(lines.event.or(event.take()), replaced_event, field_bytes_max) else {
            return Err(refuse(&mut self.stage, &self.limits, Field::Event));
        };
        let data = lines.data.or(data.take()).unwrap_or(Text::EMPTY);
        let Some(data) = data.decode(replaced_data, data_bytes_max) else {
            return Err(refuse(&mut self.stage, &self.limits, Field::Data));
        };
        let last_event_id = self.last_event_id.as_str();
        let id = has_id.then_some(last_event_id);
        Ok(Some(Item::Event(Event { name, data, id, last_event_id })))
    }

    /// The same for an event that is owned: what is held becomes its own, without a copy.
    pub(super) fn dispatch_owned(
        &mut self,
        lines: &Lines<'_>,
        has_id: bool,
    ) -> Result<Option<OwnedItem>, LimitError> {
        let Limits { data_bytes_max, field_bytes_max } = self.limits;
        let last_event_id = self.last_event_id.as_str();
        // A name that was broken may be longer as text; then the data moves once more.
        let name_len = lines.event.map_or(self.held.event.len(), |name| name.bytes().len());
        let others = last_event_id.len() + name_len;
        if lines.data.is_none() {
            self.held.remember_len(others);
        }
        let Held { event, data, replaced_event, .. } = &mut self.held;
        let Some(name) = name(lines.event.or(event.take()), replaced_event, field_bytes_max) else {
            return Err(refuse(&mut self.stage, &self.limits, Field::Event));
        };
        let data = match lines.data {
            Some(text) => {
                data.take();
                text.own(others, data_bytes_max)
            }
            None => data.take_string(others, data_bytes_max),
        };
        let Some(data) = data else {
            return Err(refuse(&mut self.stage, &self.limits, Field::Data));
        };
        let event = OwnedEvent::with_data(data, name, last_event_id, has_id);
        self.held.shrink();
        Ok(Some(OwnedItem::Event(event)))
    }

    /// An event of one line of broken data.
    #[cold]
    pub(super) fn own_replaced(&mut self, data: Text<'_>) -> Result<Option<OwnedItem>, LimitError> {
        self.dispatch_owned(&Lines { data: Some(data), ..Lines::default() }, false)
    }

    /// An item of one line. A name is used up when its event is dispatched, so where one is
    /// replaced there is room for a comment.
    #[cold]
    pub(super) fn short_item<'p, 'i: 'p>(
        &'p mut self,
        short: Short<'i>,
    ) -> Result<Item<'p>, LimitError> {
        let Held { line, replaced_event, .. } = &mut self.held;
        let comment = match short {
            Short::Retry(delay) => return Ok(Item::Retry(delay)),
            Short::Comment(comment) => comment,
            Short::HeldComment => line.as_text(),
        };
        match comment.decode(replaced_event, self.limits.field_bytes_max) {
            Some(comment) => Ok(Item::Comment(comment)),
            None => Err(refuse(&mut self.stage, &self.limits, Field::Comment)),
        }
    }
}

/// The name of an event whose block gave it so; `None` if it is too long as text.
#[inline]
fn name<'t>(
    given: Option<Text<'t>>,
    replaced: &'t mut String,
    bytes_max: usize,
) -> Option<&'t str> {
    match given.filter(|name| !name.bytes().is_empty()) {
        None => Some(MESSAGE),
        Some(name) => name.decode(replaced, bytes_max),
    }
}
