//! What a run of other people's clients has found, and the page that shows it: `docs/interop.md`.
//!
//! The page is the record, too. A run is compared with its table, and a cell that got worse is an error.

use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;

/// A client on one transport.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What it is called where people find it.
    pub client: String,
    /// The one that was run.
    pub version: String,
    /// The transport.
    pub wire: String,
    /// How it subscribes, publishes, resumes and sends its token, or [`NO`]: in the order of [`SKILLS`].
    pub cells: [String; 4],
    /// What its user has to know.
    pub remarks: String,
}

/// The columns that a run finds out.
pub const SKILLS: [&str; 4] = ["subscribe", "publish", "resume", "token"];

/// A cell of what a client should be able to do here, and is not.
pub const NO: &str = "**no**";

/// The page: its text as it stands, and a new table.
///
/// # Errors
///
/// The text has no place for a table.
pub fn renewed(page: &str, rows: &[Row]) -> Result<String> {
    let (before, table) = page.split_once(HEAD).context("the page has no table")?;
    let after = table.split_once("\n\n").map_or("", |(_, after)| after);
    let mut text = format!("{before}{HEAD}");
    for row in rows {
        let Row { client, version, wire, cells, remarks } = row;
        write!(text, "\n| {client} | {version} | {wire} | {} | {remarks} |", cells.join(" | "))?;
    }
    text.push('\n');
    if !after.is_empty() {
        text.push('\n');
        text.push_str(after);
    }
    Ok(text)
}

/// The table of a page.
///
/// # Errors
///
/// There is none, or one of its lines is no row.
pub fn parse(page: &str) -> Result<Vec<Row>> {
    let (_, table) = page.split_once(HEAD).context("the page has no table")?;
    let lines = table.trim_start().lines().take_while(|line| line.starts_with('|'));
    lines.map(parse_row).collect()
}

fn parse_row(line: &str) -> Result<Row> {
    let mut cells = line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
    let mut next = || cells.next();
    let row = (|| {
        Some(Row {
            client: next()?,
            version: next()?,
            wire: next()?,
            cells: [next()?, next()?, next()?, next()?],
            remarks: next()?,
        })
    })();
    match row {
        Some(row) if cells.next().is_none() => Ok(row),
        _ => bail!("this is no row: {line}"),
    }
}

/// Each cell of the page that a run did not find so. A cell that got better is none of them.
///
/// Only the clients in `found` are looked at, and with `is_whole` also whether one of the page is not there any more.
pub fn worse(recorded: &[Row], found: &[Row], is_whole: bool) -> Vec<String> {
    let mut findings = Vec::new();
    for row in found {
        let name = format!("{} ({})", row.client, row.wire);
        let Some(before) = recorded.iter().find(|other| is_same(other, row)) else {
            findings.push(format!("{name} is not on the page"));
            continue;
        };
        for ((skill, now), before) in SKILLS.iter().zip(&row.cells).zip(&before.cells) {
            if now != before && before != NO {
                findings.push(format!("{name}: {skill} is {now}, and was {before}"));
            }
        }
    }
    for row in recorded.iter().filter(|_| is_whole) {
        if !found.iter().any(|other| is_same(other, row)) {
            findings.push(format!("{} ({}) is on the page, and was not run", row.client, row.wire));
        }
    }
    findings
}

fn is_same(one: &Row, other: &Row) -> bool {
    one.client == other.client && one.wire == other.wire
}

const HEAD: &str = "\
| client | version | transport | subscribe | publish | resume | token | remarks |
|---|---|---|---|---|---|---|---|";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(client: &str, resume: &str) -> Row {
        let cells = ["yes", "frame", resume, "header"].map(ToOwned::to_owned);
        let (version, wire) = ("8.23.0".to_owned(), "WebSocket".to_owned());
        Row { client: client.to_owned(), version, wire, cells, remarks: "a `remark`".to_owned() }
    }

    fn page() -> String {
        format!("# Others\n\n{HEAD}\n| old | 1 | SSE | a | b | c | d | e |\n\n## More\n\nwords\n")
    }

    #[test]
    fn a_table_is_written_into_its_page_and_read_from_it() {
        let rows = [row("`ws`", "`since`"), row("`other`", NO)];
        let page = renewed(&page(), &rows).unwrap();
        assert!(page.starts_with("# Others\n\n| client |"), "{page}");
        assert!(page.ends_with(" |\n\n## More\n\nwords\n"), "{page}");
        assert!(page.contains(
            "\n| `ws` | 8.23.0 | WebSocket | yes | frame | `since` | header | a `remark` |\n"
        ));
        assert_eq!(parse(&page).unwrap(), rows);
        assert_eq!(renewed(&page, &rows).unwrap(), page);
    }

    #[test]
    fn a_table_at_the_end_of_its_page_stays_there() {
        let page = renewed(&format!("# Others\n\n{HEAD}\n"), &[row("a", "b")]).unwrap();
        assert!(page.ends_with("| a `remark` |\n"), "{page}");
        assert_eq!(parse(&page).unwrap(), [row("a", "b")]);
    }

    #[test]
    fn a_page_without_a_table_and_a_line_that_is_no_row_are_errors() {
        assert!(renewed("# Others\n", &[]).is_err());
        assert!(parse("# Others\n").is_err());
        assert!(parse(&format!("{HEAD}\n| a | b |\n")).is_err());
    }

    #[test]
    fn what_got_worse_is_named_and_what_got_better_is_not() {
        let recorded = [row("a", "by itself"), row("b", NO), row("c", "`since`")];
        let found = [row("a", NO), row("b", "by itself"), row("d", "`since`")];
        assert_eq!(
            worse(&recorded, &found, true),
            [
                "a (WebSocket): resume is **no**, and was by itself",
                "d (WebSocket) is not on the page",
                "c (WebSocket) is on the page, and was not run",
            ]
        );
        assert_eq!(worse(&recorded, &found[1..2], false), Vec::<String>::new());
    }
}
