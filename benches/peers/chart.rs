//! The run as a picture: a panel for each case, a bar for each subject.
//!
//! Drawn as rectangles and words on `plotters`' canvas: its charts have one scale for all, and here
//! every panel has its own, on which ours is the unit.

use crate::case::Rank;
use crate::rounds::{Measured, Row};
use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::{Path, PathBuf};

/// Draws every case into [`PICTURE`], with every row, under what `title` says of the run.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn draw(results: &[Measured], title: &str) -> Result<PathBuf> {
    let cases: Vec<&Measured> = results.iter().collect();
    let lines: Vec<&[&Measured]> = cases.chunks(COLUMNS).collect();
    let heights: Vec<i32> = lines.iter().map(|line| line_height(line)).collect();
    let height = HEAD + heights.iter().sum::<i32>() + MARGIN;

    let path = Path::new(env!("CARGO_MANIFEST_DIR").trim_end_matches(FOLDER)).join(PICTURE);
    let canvas = SVGBackend::new(&path, (WIDTH as u32, height as u32)).into_drawing_area();
    canvas.fill(&PAPER)?;
    write(&canvas, (MARGIN, 30), HPos::Left, 23, INK, HEADLINE)?;
    write(&canvas, (MARGIN, 54), HPos::Left, 16, FAINT, &format!("{EXPLANATION} {title}."))?;
    let mut top = HEAD;
    for (line, height) in lines.into_iter().zip(heights) {
        for (column, case) in line.iter().enumerate() {
            panel(&canvas, case, (MARGIN + column as i32 * (PANEL + GAP), top))?;
        }
        top += height;
    }
    canvas.present()?;
    drop(canvas);
    Ok(path)
}

/// One case: its name, then ours, the peers from fast to slow, and the floors.
fn panel(canvas: &Canvas<'_>, case: &Measured, (left, top): (i32, i32)) -> Result<()> {
    let mut rows: Vec<&Row> = case.rows.iter().collect();
    let rank = |row: &Row| [Rank::Ours, Rank::Peer, Rank::Floor].map(|rank| rank != row.rank);
    rows.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.ns_min.total_cmp(&b.ns_min)));
    // Bars show times, whatever a row is compared with.
    let length = |row: &Row| row.ns_min / case.rows[0].ns_min;
    let longest = longest_bar(rows.iter().map(|row| length(row)).collect());

    let name = format!("{}: {}", case.group, case.name);
    write(canvas, (left, top + 8), HPos::Left, 17, INK, &name)?;
    for (index, row) in rows.into_iter().enumerate() {
        let middle = top + TITLE + index as i32 * ROW + ROW / 2;
        let (bar, word) = match row.rank {
            Rank::Ours => (OURS, OURS),
            Rank::Peer => (PEER, INK),
            Rank::Floor => (FLOOR, FAINT),
        };
        let start = left + NAMES;
        write(canvas, (start - 6, middle), HPos::Right, 15, word, short_name(row))?;

        let is_cut = length(row) > longest;
        let end = start + ((length(row).min(longest) / longest * f64::from(BAR)) as i32).max(1);
        let corners = [(start, middle - 5), (end, middle + 5)];
        canvas.draw(&Rectangle::new(corners, bar.filled()))?;
        if is_cut {
            let cut = vec![(end - 12, middle + 7), (end - 8, middle - 7)];
            canvas.draw(&PathElement::new(cut, PAPER.stroke_width(3)))?;
        }
        write(canvas, (end + 5, middle), HPos::Left, 15, word, &label(row, case.ratio(row)))?;
    }
    Ok(())
}

/// The ratio that fills the width: the greatest, unless that would make all others look alike.
fn longest_bar(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(|a, b| b.total_cmp(a));
    ratios[0].min(ratios[1] * 1.3).min(RATIO_MAX)
}

fn line_height(line: &[&Measured]) -> i32 {
    let rows = line.iter().map(|case| case.rows.len()).max().unwrap_or_default();
    TITLE + rows as i32 * ROW + GAP
}

fn short_name(row: &Row) -> &str {
    row.subject.trim_start_matches("floor: ")
}

/// The time, and for peers how many times ours that is.
fn label(row: &Row, ratio: f64) -> String {
    let time = match row.ns_min {
        ns if ns < 10.0 => format!("{ns:.1} ns"),
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e5 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 1e6 => format!("{:.0} µs", ns / 1e3),
        ns if ns < 1e9 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.1} s", ns / 1e9),
    };
    match row.rank {
        Rank::Peer if ratio < 10.0 => format!("{time}, {ratio:.1}×"),
        Rank::Peer => format!("{time}, {ratio:.0}×"),
        Rank::Ours | Rank::Floor => time,
    }
}

fn write(
    canvas: &Canvas<'_>,
    at: (i32, i32),
    side: HPos,
    size: u32,
    color: RGBColor,
    text: &str,
) -> Result<()> {
    let style = (FONT, size).into_font().color(&color).pos(Pos::new(side, VPos::Center));
    Ok(canvas.draw_text(text, &style, at)?)
}

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Where this package stands in the repository, and where the picture belongs.
const FOLDER: &str = "benches/peers";
const PICTURE: &str = "docs/codecs.svg";

const HEADLINE: &str = "ws-frame and sse-codec beside their peers";
const EXPLANATION: &str = "Time a message, the least of many rounds; × is that of ours with the same source as the unit. Pale: the floors.";

/// A longer bar is cut, so that ours can be seen beside it.
const RATIO_MAX: f64 = 14.0;

const COLUMNS: usize = 3;
const WIDTH: i32 = 2 * MARGIN + 3 * PANEL + 2 * GAP;
const MARGIN: i32 = 24;
const PANEL: i32 = 346;
const GAP: i32 = 20;
/// The height of what stands over all panels, and over each.
const HEAD: i32 = 84;
const TITLE: i32 = 26;
const ROW: i32 = 19;
/// The width of the names, and of the longest bar.
const NAMES: i32 = 160;
const BAR: i32 = 88;

const FONT: &str = "system-ui, Helvetica, Arial, sans-serif";
const PAPER: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(31, 41, 55);
const FAINT: RGBColor = RGBColor(107, 114, 128);
const OURS: RGBColor = RGBColor(11, 107, 123);
const PEER: RGBColor = RGBColor(148, 163, 184);
const FLOOR: RGBColor = RGBColor(214, 221, 230);
