//! The record as a picture: a panel for each load, a bar for each subject, in a light and a dark version.
//!
//! Drawn as rectangles and words on `plotters`' canvas: its charts have one scale for all, and here
//! every panel has its own.

use crate::plan::Load;
use crate::record::Record;
use crate::row::Row;
use crate::subject::{Subject, Who};
use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::{Path, PathBuf};

/// Draws `docs/fanout.svg` and `docs/fanout-dark.svg`.
///
/// # Errors
///
/// A file cannot be written.
pub(crate) fn draw(record: &Record) -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").canonicalize()?;
    let pictures = [("fanout.svg", &LIGHT), ("fanout-dark.svg", &DARK)];
    let draw = |(name, palette)| {
        let path = folder.join(name);
        std::fs::write(&path, picture(record, palette)?)?;
        Ok(path)
    };
    pictures.into_iter().map(draw).collect()
}

/// The picture as SVG.
fn picture(record: &Record, palette: &'static Palette) -> Result<String> {
    let panels: Vec<Panel<'_>> =
        record.plan.loads.iter().map(|load| Panel::of(record, *load)).collect();
    let lines: Vec<&[Panel<'_>]> = panels.chunks(COLUMNS as usize).collect();
    let height = HEAD + lines.iter().map(|line| line_height(line)).sum::<i32>() + FOOT;
    let mut svg = String::new();
    {
        let size = (WIDTH as u32, height as u32);
        let canvas = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        canvas.fill(&palette.paper)?;
        let pen = Pen { canvas, palette };
        pen.head(record)?;
        let mut top = HEAD;
        for line in lines {
            for (column, panel) in (0..).zip(line) {
                panel.draw(&pen, (MARGIN + column * (PANEL + GAP), top))?;
            }
            top += line_height(line);
        }
        pen.write((MARGIN, height - 20), HPos::Left, 14, palette.faint, &foot(record))?;
        pen.canvas.present()?;
    }
    Ok(svg)
}

/// One load.
struct Panel<'a> {
    title: String,
    bars: Vec<Bar<'a>>,
}

/// One subject: its figure, and the part of that which was spent outside the kernel.
struct Bar<'a> {
    row: &'a Row,
    figure: f64,
    user: f64,
    label: String,
}

impl<'a> Panel<'a> {
    fn of(record: &'a Record, load: Load) -> Self {
        let rows = record.rows.iter().filter(|row| row.load == load);
        let mut bars: Vec<Bar<'a>> = rows.filter_map(Bar::of).collect();
        let title = match load {
            Load::Saturation => {
                bars.sort_by(|a, b| b.figure.total_cmp(&a.figure));
                "saturation: million deliveries a second of a core".to_owned()
            }
            Load::Rate(_) => {
                bars.sort_by(|a, b| a.figure.total_cmp(&b.figure));
                format!("{load}: µs of CPU a delivery")
            }
        };
        Self { title, bars }
    }

    /// The figure that fills the width: the greatest, unless that would make all others look alike.
    fn longest(&self) -> f64 {
        let mut figures: Vec<f64> = self.bars.iter().map(|bar| bar.figure).collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.get(figures.len() / 2).copied().unwrap_or(1.0);
        figures.last().copied().unwrap_or(1.0).min(middle * 3.0)
    }

    fn draw(&self, pen: &Pen<'_>, (left, top): (i32, i32)) -> Result<()> {
        let palette = pen.palette;
        pen.write((left, top + 8), HPos::Left, 17, palette.ink, &self.title)?;
        let longest = self.longest();
        for (index, bar) in (0..).zip(&self.bars) {
            let middle = top + TITLE + index * ROW + ROW / 2;
            let [user, system, word] = palette.of(bar.row.subject.who);
            let start = left + NAMES;
            pen.write((start - 6, middle), HPos::Right, 15, word, &name(bar.row.subject))?;
            let width = |figure: f64| (figure.min(longest) / longest * f64::from(BAR)) as i32;
            let end = start + width(bar.figure).max(1);
            // Also of a bar that is cut, the parts are in proportion.
            let split = start + (f64::from(end - start) * bar.user / bar.figure) as i32;
            pen.fill([(start, middle - 6), (end, middle + 6)], system)?;
            pen.fill([(start, middle - 6), (split, middle + 6)], user)?;
            if bar.figure > longest {
                let cut = vec![(end - 12, middle + 8), (end - 8, middle - 8)];
                pen.canvas.draw(&PathElement::new(cut, palette.paper.stroke_width(3)))?;
            }
            pen.write((end + 5, middle), HPos::Left, 15, word, &bar.label)?;
        }
        Ok(())
    }
}

impl<'a> Bar<'a> {
    /// None of what could not be measured.
    fn of(row: &'a Row) -> Option<Self> {
        let cost = row.cpu_us()?.median;
        let user = row.user_us().unwrap_or_default();
        let (figure, user, mut label) = match row.load {
            Load::Saturation => {
                let millions = row.per_core()?.median / 1e6;
                (millions, 0.0, format!("{millions:.2}"))
            }
            Load::Rate(_) => (cost, user, format!("{cost:.2}")),
        };
        if !row.is_whole() {
            label += ", fell behind";
        }
        Some(Self { row, figure, user, label })
    }
}

/// What draws.
struct Pen<'a> {
    canvas: DrawingArea<SVGBackend<'a>, Shift>,
    palette: &'static Palette,
}

impl Pen<'_> {
    fn head(&self, record: &Record) -> Result<()> {
        let palette = self.palette;
        let plan = &record.plan;
        self.write((MARGIN, 30), HPos::Left, 23, palette.ink, HEADLINE)?;
        let what = format!(
            "{} connections, {} B a message, one server process on a core of its own; rounds: {}, medians. \
             A second worker has a second core.",
            plan.connections, plan.bytes, plan.rounds
        );
        self.write((MARGIN, 56), HPos::Left, 15, palette.faint, &what)?;
        let mut left = MARGIN;
        for (place, words) in [(0, "outside the kernel"), (1, "in the kernel")] {
            for who in [Who::Tidewire, Who::Peer(crate::subject::Peer::Uws)] {
                self.fill([(left, 76), (left + 14, 88)], palette.of(who)[place])?;
                left += 16;
            }
            self.write((left + 4, 82), HPos::Left, 15, palette.ink, words)?;
            left += 150;
        }
        Ok(())
    }

    fn write(
        &self,
        at: (i32, i32),
        side: HPos,
        size: u32,
        color: RGBColor,
        text: &str,
    ) -> Result<()> {
        let style = (FONT, size).into_font().color(&color).pos(Pos::new(side, VPos::Center));
        Ok(self.canvas.draw_text(text, &style, at)?)
    }

    fn fill(&self, corners: [(i32, i32); 2], color: RGBColor) -> Result<()> {
        Ok(self.canvas.draw(&Rectangle::new(corners, color.filled()))?)
    }
}

/// Where and when it was measured, and which subjects are missing.
fn foot(record: &Record) -> String {
    let absent: Vec<_> = record.absent.iter().map(|one| Who::Peer(one.peer).name()).collect();
    match &*absent {
        [] => format!("{}.", record.title()),
        absent => format!("{}. Not to be had: {}.", record.title(), absent.join(", ")),
    }
}

fn name(subject: Subject) -> String {
    match subject.who {
        Who::TidewireTwo => subject.who.name().to_owned(),
        who => format!("{}, {}", who.name(), subject.wire.name()),
    }
}

fn line_height(line: &[Panel<'_>]) -> i32 {
    let rows = line.iter().map(|panel| panel.bars.len()).max().unwrap_or_default();
    TITLE + rows as i32 * ROW + GAP
}

/// The colours of a picture.
struct Palette {
    paper: RGBColor,
    ink: RGBColor,
    faint: RGBColor,
    /// Of a bar: the part outside the kernel, then the rest.
    ours: [RGBColor; 2],
    peer: [RGBColor; 2],
    floor: [RGBColor; 2],
}

impl Palette {
    /// The two parts of a bar, and the words beside it.
    fn of(&self, who: Who) -> [RGBColor; 3] {
        let (bar, word) = match who {
            Who::Tidewire | Who::TidewireTwo | Who::Scraped | Who::Uncounted => {
                (self.ours, self.ours[0])
            }
            Who::Floor => (self.floor, self.faint),
            Who::Peer(_) => (self.peer, self.ink),
        };
        [bar[0], bar[1], word]
    }
}

const LIGHT: Palette = Palette {
    paper: RGBColor(255, 255, 255),
    ink: RGBColor(31, 41, 55),
    faint: RGBColor(107, 114, 128),
    ours: [RGBColor(8, 90, 104), RGBColor(56, 163, 178)],
    peer: [RGBColor(100, 116, 139), RGBColor(176, 188, 203)],
    floor: [RGBColor(190, 198, 208), RGBColor(222, 228, 235)],
};
const DARK: Palette = Palette {
    paper: RGBColor(13, 17, 23),
    ink: RGBColor(225, 230, 236),
    faint: RGBColor(145, 152, 161),
    ours: [RGBColor(121, 216, 228), RGBColor(30, 128, 143)],
    peer: [RGBColor(170, 180, 193), RGBColor(86, 98, 114)],
    floor: [RGBColor(92, 101, 113), RGBColor(52, 60, 71)],
};

const HEADLINE: &str = "What a delivery costs the server";
const COLUMNS: i32 = 2;
const WIDTH: i32 = 2 * MARGIN + COLUMNS * PANEL + (COLUMNS - 1) * GAP;
const MARGIN: i32 = 24;
const PANEL: i32 = 490;
const GAP: i32 = 24;
/// The height of what stands over all panels, over each, and under all.
const HEAD: i32 = 116;
const TITLE: i32 = 28;
const FOOT: i32 = 30;
const ROW: i32 = 21;
/// The width of the names, and of the longest bar.
const NAMES: i32 = 172;
const BAR: i32 = 190;
const FONT: &str = "system-ui, Helvetica, Arial, sans-serif";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::example;

    #[test]
    fn the_picture_names_everybody_the_units_and_the_machine() {
        let record = example();
        for palette in [&LIGHT, &DARK] {
            let svg = picture(&record, palette).unwrap();
            for words in [
                "Tidewire, WebSocket",
                "Tidewire, SSE",
                "floor: send(), SSE",
                "uWebSockets, WebSocket",
                "2,500 publishes/s: µs of CPU a delivery",
                "saturation: million deliveries a second of a core",
                "10 connections, 128 B a message",
                "Not to be had: nchan.",
                &record.title(),
            ] {
                assert!(svg.contains(words), "{words}");
            }
        }
    }

    #[test]
    fn a_bar_of_a_subject_that_fell_behind_says_so() {
        let record = example();
        let svg = picture(&record, &LIGHT).unwrap();
        // At three rates; at saturation nobody can be late.
        assert_eq!(svg.matches("fell behind").count(), 3);
    }

    #[test]
    fn bars_of_a_cost_stand_from_cheap_to_dear_and_of_a_rate_from_fast_to_slow() {
        let record = example();
        let names = |load| -> Vec<String> {
            Panel::of(&record, load).bars.iter().map(|bar| name(bar.row.subject)).collect()
        };
        for load in [Load::Rate(100), Load::Saturation] {
            let names = names(load);
            assert_eq!(
                (&*names[0], names.last().map(|name| &**name)),
                ("floor: send(), WebSocket", Some("node ws, WebSocket"))
            );
        }
    }
}
