//! The committed record: what each case cost when it was last agreed to, and why it cost that.
//!
//! Pure, so that every judgement can be seen in a test. One line a case, the reason last, in the
//! plainest CSV: no field holds a comma.

use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) case: String,
    /// Instructions a message, or what else the case says.
    pub(crate) count: u64,
    pub(crate) toolchain: String,
    /// Of the last change.
    pub(crate) reason: String,
}

/// All that was agreed to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    rows: Vec<Row>,
}

impl Record {
    /// Reads the file; an empty one is an empty record.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut rows = Vec::new();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let [case, count, toolchain, reason] = fields[..] else {
                bail!("not {HEAD}: {line}");
            };
            rows.push(Row {
                case: case.to_owned(),
                count: count.parse().with_context(|| format!("no count: {line}"))?,
                toolchain: toolchain.to_owned(),
                reason: reason.to_owned(),
            });
        }
        Ok(Self { rows })
    }

    pub(crate) fn to_csv(&self) -> String {
        let mut csv = format!("{HEAD}\n");
        for Row { case, count, toolchain, reason } in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(csv, "{case},{count},{toolchain},{reason}");
        }
        csv
    }

    /// The record once `counted` is agreed to. What did not change keeps the reason it had.
    pub(crate) fn with(&self, counted: &[Row], reason: &str) -> Self {
        let keep = |row: &Row| match self.row(&row.case) {
            Some(old) if old.count == row.count => old.reason.clone(),
            _ => reason.to_owned(),
        };
        let rows = counted.iter().map(|row| Row { reason: keep(row), ..row.clone() }).collect();
        Self { rows }
    }

    /// One line for each case that is not as recorded, where `percent_max` gives the change that is let pass.
    pub(crate) fn findings(
        &self,
        counted: &[Row],
        percent_max: impl Fn(&str) -> u64,
    ) -> Vec<String> {
        let mut findings = Vec::new();
        for row in counted {
            let Some(old) = self.row(&row.case) else {
                findings.push(format!("{}: is not in the record", row.case));
                continue;
            };
            if old.toolchain == row.toolchain && has_changed(old, row, percent_max(&row.case)) {
                findings.push(format!(
                    "{}: {} counted, recorded are {}",
                    row.case, row.count, old.count
                ));
            }
        }
        let gone = |old: &&Row| !counted.iter().any(|row| row.case == old.case);
        for old in self.rows.iter().filter(gone) {
            findings.push(format!("{}: is recorded and was not counted", old.case));
        }
        findings
    }

    /// Whether anything at all can be judged here.
    ///
    /// # Errors
    ///
    /// Every recorded case is of another toolchain, so that no count could be refused.
    pub(crate) fn check_comparable(&self, counted: &[Row]) -> Result<()> {
        let is_comparable =
            |row: &Row| self.row(&row.case).is_some_and(|old| old.toolchain == row.toolchain);
        if counted.iter().any(is_comparable) {
            return Ok(());
        }
        let toolchain = |rows: &[Row]| rows.first().map_or("none", |row| &row.toolchain).to_owned();
        bail!(
            "not run: the record is of {}, here is {}, and their counts cannot be compared; \
             take that toolchain, or leave this step out: cargo xtask ci --skip instructions",
            toolchain(&self.rows),
            toolchain(counted),
        )
    }

    /// The comparison for people.
    pub(crate) fn table(&self, counted: &[Row]) -> String {
        let mut table =
            format!("{:<48} {:>9} {:>9}    change\n", "instructions a message", "record", "now");
        let mut others: Vec<&str> = Vec::new();
        for row in counted {
            let (before, change) = match self.row(&row.case) {
                None => ("-".to_owned(), "new".to_owned()),
                Some(old) => {
                    if old.toolchain != row.toolchain && !others.contains(&&*old.toolchain) {
                        others.push(&old.toolchain);
                    }
                    (old.count.to_string(), change(old.count, row.count))
                }
            };
            let _ = writeln!(table, "{:<48} {before:>9} {:>9} {change:>9}", row.case, row.count);
        }
        if let (false, Some(row)) = (others.is_empty(), counted.first()) {
            let _ = writeln!(
                table,
                "the record is of {}; here is {}, which makes other code: nothing is refused",
                others.join(" and "),
                row.toolchain,
            );
        }
        table
    }

    fn row(&self, case: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.case == case)
    }
}

/// One line for each pair of which the first costs more than the given percentage of the second.
pub(crate) fn ratio_findings(counted: &[Row], ratios: &[(&str, &str, u64)]) -> Vec<String> {
    let find = |case: &str| counted.iter().find(|row| row.case == case);
    let mut findings = Vec::new();
    for (case, other, percent_max) in ratios {
        let (Some(row), Some(base)) = (find(case), find(other)) else {
            findings.push(format!("{case} and {other}: one of them was not counted"));
            continue;
        };
        if row.count * 100 > base.count * percent_max {
            findings.push(format!(
                "{case}: {} counted, more than {percent_max} % of the {} of {other}",
                row.count, base.count
            ));
        }
    }
    findings
}

/// Returns a reason that says something and fits a line of the file.
pub(crate) fn check_reason(reason: &str) -> Result<&str> {
    match reason.trim() {
        "" => bail!("a change wants its reason"),
        reason if reason.contains([',', '"', '\n', '\r']) => {
            bail!("a reason is one line without commas and quotes, since it goes into a CSV file")
        }
        reason => Ok(reason),
    }
}

fn has_changed(old: &Row, new: &Row, percent_max: u64) -> bool {
    old.count.abs_diff(new.count) * 100 > old.count * percent_max
}

/// The change in percent, to a tenth, rounded towards none.
fn change(old: u64, new: u64) -> String {
    let sign = if new < old { '-' } else { '+' };
    match (old.abs_diff(new) * 1_000).checked_div(old) {
        None | Some(0) => "none".to_owned(),
        Some(tenths) => format!("{sign}{}.{} %", tenths / 10, tenths % 10),
    }
}

const HEAD: &str = "case,count,toolchain,reason of the last change";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case: &str, count: u64) -> Row {
        let [case, toolchain, reason] = [case, "rustc 1.95.0", "first count"].map(str::to_owned);
        Row { case, count, toolchain, reason }
    }

    fn record() -> Record {
        Record { rows: vec![row("a", 100), row("b", 1_000)] }
    }

    fn two(_case: &str) -> u64 {
        2
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(Record::parse(&record().to_csv()).unwrap(), record());
        assert_eq!(Record::parse("").unwrap(), Record::default());
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for line in ["a,1,r", "a,many,r,first", "a,1,r,first, second"] {
            assert!(Record::parse(&format!("{HEAD}\n{line}\n")).is_err(), "{line}");
        }
    }

    #[test]
    fn the_tolerance_is_let_pass_and_more_is_not_either_way() {
        for (now, count) in [(98, 0), (102, 0), (97, 1), (103, 1)] {
            assert_eq!(
                record().findings(&[row("a", now), row("b", 1_000)], two).len(),
                count,
                "{now}"
            );
        }
        assert_eq!(
            record().findings(&[row("a", 110), row("b", 1_000)], two),
            ["a: 110 counted, recorded are 100"]
        );
    }

    #[test]
    fn what_may_cost_half_as_much_again_and_no_more_is_held_against_the_other() {
        let ratios = [("b", "a", 150)];
        let findings = |now| ratio_findings(&[row("a", 100), row("b", now)], &ratios);
        assert_eq!(findings(150), Vec::<String>::new());
        assert_eq!(findings(151), ["b: 151 counted, more than 150 % of the 100 of a"]);
        assert_eq!(ratio_findings(&[row("a", 100)], &ratios).len(), 1);
    }

    #[test]
    fn another_toolchain_makes_other_code_and_is_not_judged() {
        let other = Row { toolchain: "rustc 1.96.0".to_owned(), ..row("a", 200) };
        let counted = [other, row("b", 1_000)];
        assert_eq!(record().findings(&counted, two), Vec::<String>::new());
        let table = record().table(&counted);
        assert!(table.contains("+100.0 %"), "{table}");
        assert!(table.contains("of rustc 1.95.0; here is rustc 1.96.0"), "{table}");
    }

    #[test]
    fn a_run_that_could_compare_nothing_differs_from_one_that_could() {
        let other = |case| Row { toolchain: "rustc 1.96.0".to_owned(), ..row(case, 200) };
        assert!(record().check_comparable(&[other("a"), row("b", 9)]).is_ok());
        for counted in [vec![other("a"), other("b")], vec![row("new", 1)], Vec::new()] {
            let error = record().check_comparable(&counted).unwrap_err().to_string();
            assert!(error.starts_with("not run: the record is of rustc 1.95.0"), "{error}");
        }
    }

    #[test]
    fn a_case_that_is_new_or_gone_is_reported() {
        assert_eq!(
            record().findings(&[row("a", 100), row("c", 1)], two),
            ["c: is not in the record", "b: is recorded and was not counted"]
        );
    }

    #[test]
    fn only_what_changed_takes_the_new_reason() {
        let written = record().with(&[row("a", 99), row("b", 1_000), row("c", 1)], "a is shorter");
        let reasons: Vec<&str> = written.rows.iter().map(|row| row.reason.as_str()).collect();
        assert_eq!(reasons, ["a is shorter", "first count", "a is shorter"]);
    }

    #[test]
    fn a_reason_is_one_plain_line() {
        assert_eq!(check_reason(" shorter loop ").unwrap(), "shorter loop");
        for reason in ["", "  ", "one, two", "a \"b\"", "one\ntwo"] {
            assert!(check_reason(reason).is_err(), "{reason}");
        }
    }
}
