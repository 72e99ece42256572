//! The figures as text: what a person reads at a glance, and the tables for a pipe.

use super::{
    figures::{ChannelRow, ConnectionRow},
    report::Report,
};
use crate::clock::wall_ms;

/// The heads of the columns of connections, with the least width of each; the last takes what is left.
pub(super) const CONNECTION_HEADS: [(&str, usize); 7] = [
    ("ID", 9),
    ("TRANSPORT", 14),
    ("ADDRESS", 15),
    ("USER", 12),
    ("LAG", 8),
    ("AGE", 7),
    ("CHANNELS", 20),
];

/// The same of channels.
pub(super) const CHANNEL_HEADS: [(&str, usize); 4] =
    [("MESSAGES/S", 10), ("RETAINED", 9), ("BYTES", 9), ("CHANNEL", 20)];

/// What the server does, in two lines.
pub(super) fn summary(report: &Report) -> [String; 2] {
    let (figures, rates) = (report.figures(), &report.rates);
    let counts = &figures.counts;
    [
        format!(
            "connections {} of {}   subscriptions {}   lag at most {}   memory {}",
            figures.connection_count,
            or_unknown(counts.connections_limit, count),
            or_unknown(counts.subscriptions, count),
            report.lag_max(),
            or_unknown(counts.memory_bytes, bytes),
        ),
        format!(
            "publishes {}/s   deliveries {}/s   sent {}/s   refused {}/s   retained {} messages, {}",
            or_unknown(rates.publishes, count),
            or_unknown(rates.deliveries, count),
            or_unknown(rates.sent_bytes, bytes),
            or_unknown(rates.refusals, count),
            or_unknown(counts.retained_messages, count),
            or_unknown(counts.retained_bytes, bytes),
        ),
    ]
}

/// All of it, for a pipe.
pub(super) fn print(report: &Report, url: &str) -> String {
    let mut text = format!("{url}\n");
    for line in summary(report).iter().chain(&report.figures().notes) {
        text += &format!("{line}\n");
    }
    let now_ms = wall_ms();
    let connections = report.connections().iter().map(|it| connection(it, now_ms));
    text += &table(CONNECTION_HEADS, connections);
    let left = report.figures().connection_count.saturating_sub(report.connections().len());
    if left > 0 {
        text += &format!("and {left} more\n");
    }
    text += &table(CHANNEL_HEADS, report.channels.iter().map(|(row, rate)| channel(row, *rate)));
    if report.figures().has_more_channels {
        text += "and more\n";
    }
    text
}

/// The cells of a connection.
pub(super) fn connection(row: &ConnectionRow, now_ms: u64) -> [String; 7] {
    let transport = match row.dialect.as_str() {
        "raw" => row.transport.clone(),
        dialect => format!("{} {dialect}", row.transport),
    };
    let more = row.channel_count.saturating_sub(row.channels.len());
    let mut channels = row.channels.join(" ");
    if more > 0 {
        channels += &format!(" and {more} more");
    }
    [
        row.id.clone(),
        transport,
        row.address.clone().unwrap_or_else(unknown),
        row.user.clone().unwrap_or_else(unknown),
        row.lag.to_string(),
        age(now_ms.saturating_sub(row.opened_ms) / 1_000),
        channels,
    ]
}

/// The cells of a channel.
pub(super) fn channel(row: &ChannelRow, rate: f64) -> [String; 4] {
    let number = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    [count(rate), row.messages.to_string(), bytes(number(row.bytes)), row.channel.clone()]
}

fn table<const N: usize>(
    heads: [(&str, usize); N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let rows: Vec<_> = rows.collect();
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> =
        heads.iter().enumerate().map(|(at, (head, _))| head.len().max(widest(at))).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let head = line(heads.iter().map(|(head, _)| *head).collect());
    let rows = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    format!("\n{head}{}", rows.collect::<String>())
}

fn or_unknown(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or_else(unknown, show)
}

fn unknown() -> String {
    "-".to_owned()
}

/// A number with three digits or so, and what it is of: 1.2k, 34M.
fn count(value: f64) -> String {
    scaled(value, 1_000.0, ["", "k", "M", "G"])
}

fn bytes(value: f64) -> String {
    scaled(value, 1_024.0, ["B", "KiB", "MiB", "GiB"])
}

fn scaled(mut value: f64, step: f64, units: [&str; 4]) -> String {
    let [_, larger @ ..] = units;
    let [mut unit, ..] = units;
    for next in larger {
        if value < step {
            break;
        }
        (value, unit) = (value / step, next);
    }
    if value < 10.0 && value.fract() > 0.05 {
        format!("{value:.1}{unit}")
    } else {
        format!("{value:.0}{unit}")
    }
}

/// The two largest units of a time.
fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, ..) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_short() {
        for (value, expected) in
            [(0.0, "0"), (0.4, "0.4"), (12.0, "12"), (1_234.0, "1.2k"), (56_789_000.0, "57M")]
        {
            assert_eq!(count(value), expected);
        }
        for (value, expected) in [(0.0, "0B"), (1_536.0, "1.5KiB"), (3.0 * 1_048_576.0, "3MiB")] {
            assert_eq!(bytes(value), expected);
        }
        for (seconds, expected) in [(5, "5s"), (65, "1m05s"), (3_700, "1h01m"), (90_000, "1d01h")] {
            assert_eq!(age(seconds), expected);
        }
    }

    #[test]
    fn the_columns_of_a_table_stand_below_their_heads() {
        let rows = [["1".to_owned(), "a".to_owned()], ["22222".to_owned(), "b c".to_owned()]];
        let text = table([("N", 1), ("NAME", 1)], rows.into_iter());
        assert_eq!(text, "\nN      NAME\n1      a\n22222  b c\n");
    }
}
