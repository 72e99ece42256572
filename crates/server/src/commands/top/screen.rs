//! The figures on a terminal, and what keys do there.

use super::{
    order::Order,
    report::Report,
    text::{CHANNEL_HEADS, CONNECTION_HEADS, channel, connection, summary},
};
use crate::clock::wall_ms;
use ratatui::{
    Frame,
    crossterm::event::KeyCode,
    layout::{Constraint, Layout},
    style::{Modifier, Style},
    text::{Line, Text},
    widgets::{Row, Table},
};

/// What a person has chosen to see.
#[derive(Debug)]
pub(super) struct View {
    pub(super) url: String,
    pub(super) order: Order,
    pub(super) panel: Panel,
    /// The first row that is shown.
    pub(super) from: usize,
    /// Why the figures are old.
    pub(super) failure: Option<String>,
}

/// What the table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    Connections,
    Channels,
}

impl View {
    /// Does what a key is for; false to end.
    pub(super) fn press(&mut self, key: KeyCode) -> bool {
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('l') => self.order = Order::Lag,
            KeyCode::Char('a') => self.order = Order::Age,
            KeyCode::Char('u') => self.order = Order::User,
            KeyCode::Char('o') => self.order = Order::Channels,
            KeyCode::Char('c') | KeyCode::Tab => {
                self.from = 0;
                self.panel = match self.panel {
                    Panel::Connections => Panel::Channels,
                    Panel::Channels => Panel::Connections,
                };
            }
            KeyCode::Down => self.from = self.from.saturating_add(1),
            KeyCode::PageDown => self.from = self.from.saturating_add(PAGE_ROWS),
            KeyCode::Up => self.from = self.from.saturating_sub(1),
            KeyCode::PageUp => self.from = self.from.saturating_sub(PAGE_ROWS),
            KeyCode::Home => self.from = 0,
            _ => {}
        }
        true
    }
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, report: &Report, view: &mut View) {
    let notes: Vec<_> = report.figures().notes.iter().chain(&view.failure).cloned().collect();
    let note_lines = u16::try_from(notes.len()).unwrap_or(u16::MAX);
    let [head, warnings, title, table, keys] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(note_lines),
        Constraint::Length(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let [first, second] = summary(report);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let name = Line::styled(format!("tidewire top  {}", view.url), bold);
    frame.render_widget(Text::from(vec![name, first.into(), second.into()]), head);
    let warning = Style::new().add_modifier(Modifier::REVERSED);
    let lines: Vec<_> = notes.into_iter().map(|note| Line::styled(note, warning)).collect();
    frame.render_widget(Text::from(lines), warnings);

    let rows_max = usize::from(table.height).saturating_sub(1);
    let (count, shown) = match view.panel {
        Panel::Connections => (report.connections().len(), report.figures().connection_count),
        Panel::Channels => (report.channels.len(), report.channels.len()),
    };
    view.from = view.from.min(count.saturating_sub(rows_max.max(1)));
    let last = count.min(view.from.saturating_add(rows_max));
    let range = format!("{} to {last} of {shown}", count.min(view.from.saturating_add(1)));
    let about = match view.panel {
        Panel::Connections => format!("Connections by {}, {range}", view.order.name()),
        Panel::Channels => format!("Channels by messages a second, {range}"),
    };
    frame.render_widget(Text::from(vec![Line::from(""), Line::styled(about, bold)]), title);
    match view.panel {
        Panel::Connections => {
            let now_ms = wall_ms();
            let rows = report.connections().iter().map(|row| connection(row, now_ms));
            frame.render_widget(
                widget(CONNECTION_HEADS, rows.skip(view.from).take(rows_max)),
                table,
            );
        }
        Panel::Channels => {
            let rows = report.channels.iter().map(|(row, rate)| channel(row, *rate));
            frame.render_widget(widget(CHANNEL_HEADS, rows.skip(view.from).take(rows_max)), table);
        }
    }
    frame.render_widget(Line::styled(KEYS, Style::new().add_modifier(Modifier::DIM)), keys);
}

fn widget<const N: usize>(
    heads: [(&'static str, usize); N],
    rows: impl Iterator<Item = [String; N]>,
) -> Table<'static> {
    let before = heads.get(..N.saturating_sub(1)).unwrap_or_default();
    let width =
        |(_, width): &(&str, usize)| Constraint::Length(u16::try_from(*width).unwrap_or(u16::MAX));
    let widths = before.iter().map(width).chain([Constraint::Fill(1)]);
    let style = Style::new().add_modifier(Modifier::REVERSED);
    Table::new(rows.map(Row::new), widths)
        .header(Row::new(heads.map(|(head, _)| head)).style(style))
        .column_spacing(2)
}

const KEYS: &str =
    "q quit  l lag  a age  u user  o channel count  c connections/channels  arrows scroll";

/// What a page key moves.
const PAGE_ROWS: usize = 20;

#[cfg(test)]
mod tests {
    use super::super::figures::{ChannelRow, ConnectionRow, Counts, Figures};
    use super::*;
    use ratatui::{Terminal, backend::TestBackend};
    use std::time::Instant;

    fn report() -> Report {
        let connection = |lag: u64| ConnectionRow {
            id: format!("0-{lag}-0"),
            transport: "sse".to_owned(),
            dialect: "raw".to_owned(),
            user: Some("a\u{1b}[2Jb".to_owned()),
            lag,
            ..ConnectionRow::default()
        };
        let row = ("news".to_owned(), 7, 70, 7);
        let (channel, messages, bytes, appended) = row;
        let figures = Figures {
            at: Instant::now(),
            counts: Counts::default(),
            connections: (0..50).map(connection).collect(),
            connection_count: 50,
            channels: vec![ChannelRow { channel, messages, bytes, appended }],
            has_more_channels: false,
            notes: vec!["/metrics: refused".to_owned()],
        };
        Report::between(&figures.clone(), figures, Order::Lag)
    }

    /// What stands on a screen of this size.
    fn screen(report: &Report, view: &mut View) -> String {
        let mut terminal = Terminal::new(TestBackend::new(80, 20)).unwrap();
        terminal.draw(|frame| draw(frame, report, view)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_screen_has_what_is_chosen_and_no_control_character() {
        let (mut report, url) = (report(), "http://a".to_owned());
        let panel = Panel::Connections;
        let mut view = View { url, order: Order::Lag, panel, from: 0, failure: None };
        let text = screen(&report, &mut view);
        for part in ["http://a", "/metrics: refused", "Connections by lag, 1 to 12 of 50", "0-49-0"]
        {
            assert!(text.contains(part), "{part} is not on\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
        (0..9).for_each(|_| assert!(view.press(KeyCode::PageDown)));
        let text = screen(&report, &mut view);
        assert!(text.contains("39 to 50 of 50") && text.contains("0-0-0"), "{text}");
        assert!(view.press(KeyCode::Char('a')) && view.press(KeyCode::Tab));
        report.sort(view.order);
        let text = screen(&report, &mut view);
        assert!(text.contains("Channels by messages a second, 1 to 1 of 1"), "{text}");
        assert!(!view.press(KeyCode::Char('q')));
    }
}
