//! The committed results: what the referee reports for each case, a line each.
//!
//! ```text
//! echo 7.1.6 INFORMATIONAL INFORMATIONAL
//! tidewire 9.1.6 excluded: why it cannot pass
//! ```
//!
//! Pure, so that a test can show that every kind of difference is reported.

use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// What the referee said in one run.
pub(crate) type Findings = BTreeMap<Case, Verdict>;

/// One case of the suite, put to one subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    subject: String,
    /// `[9, 1, 6]` for 9.1.6, so that 1.10 comes after 1.9.
    number: Vec<u32>,
}

/// What the referee says of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Of the messages.
    pub(crate) behavior: String,
    /// Of how the connection ended.
    pub(crate) closing: String,
}

/// What is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record(BTreeMap<Case, Expected>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    Verdict(Verdict),
    /// It does not pass, for this reason.
    Excluded(String),
}

impl Case {
    /// Reads the number of a case, such as `9.1.6`.
    ///
    /// # Errors
    ///
    /// It is not a case's number.
    pub(crate) fn new(subject: &str, number: &str) -> Result<Self> {
        let parts: Result<Vec<u32>, _> = number.split('.').map(str::parse).collect();
        let number = parts.with_context(|| format!("`{number}` is no case's number"))?;
        Ok(Self { subject: subject.to_owned(), number })
    }
}

impl Verdict {
    /// Strict: what the referee lets pass with a remark is not enough.
    fn passes(&self) -> bool {
        [&self.behavior, &self.closing].iter().all(|word| PASSING.contains(&word.as_str()))
    }
}

impl Record {
    /// Reads the committed file; lines that begin with `#` are for people.
    ///
    /// # Errors
    ///
    /// A line is not as drawn above.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#'));
        let cases = lines.map(|(number, line)| {
            parse_line(line).with_context(|| format!("line {number}, `{line}`"))
        });
        Ok(Self(cases.collect::<Result<_>>()?))
    }

    /// Where `found` differs from what is committed, in words.
    pub(crate) fn differences(&self, found: &Findings) -> Vec<String> {
        let mut differences = Vec::new();
        for (case, verdict) in found {
            match self.0.get(case) {
                Some(Expected::Excluded(_)) if verdict.passes() => differences.push(format!(
                    "{case} passes, but is excluded: the exclusion is stale, --write takes it out"
                )),
                Some(Expected::Excluded(_)) => {}
                _ if !verdict.passes() => differences.push(format!("{case} fails: {verdict}")),
                Some(Expected::Verdict(recorded)) if recorded != verdict => {
                    differences.push(format!("{case} is {verdict}, but recorded as {recorded}"));
                }
                Some(Expected::Verdict(_)) => {}
                None => differences.push(format!("{case} is new: --write records it")),
            }
        }
        let gone = self.0.keys().filter(|case| !found.contains_key(case));
        differences.extend(gone.map(|case| format!("{case} is recorded, but was not run")));
        differences
    }

    /// What to commit after a run: its verdicts, and the exclusions that are still needed.
    ///
    /// # Errors
    ///
    /// A case fails that is not excluded: it needs to be mended, or a line with the reason.
    pub(crate) fn renewed(&self, found: Findings) -> Result<Self> {
        let mut cases = BTreeMap::new();
        let mut failed = Vec::new();
        for (case, verdict) in found {
            let expected = match self.0.get(&case) {
                _ if verdict.passes() => Expected::Verdict(verdict),
                Some(Expected::Excluded(reason)) => Expected::Excluded(reason.clone()),
                _ => {
                    failed.push(format!("{case} fails: {verdict}"));
                    continue;
                }
            };
            cases.insert(case, expected);
        }
        if !failed.is_empty() {
            bail!(
                "nothing was written, for a case that fails is mended, or excluded by hand with its \
                 reason:\n  {}",
                failed.join("\n  ")
            );
        }
        Ok(Self(cases))
    }
}

impl Display for Record {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (case, expected) in &self.0 {
            match expected {
                Expected::Verdict(verdict) => writeln!(f, "{case} {verdict}")?,
                Expected::Excluded(reason) => writeln!(f, "{case} {EXCLUDED} {reason}")?,
            }
        }
        Ok(())
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let number: Vec<String> = self.number.iter().map(u32::to_string).collect();
        write!(f, "{} {}", self.subject, number.join("."))
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // `FAILED BY CLIENT` is one word to a line that is split at spaces.
        let [behavior, closing] =
            [&self.behavior, &self.closing].map(|word| word.replace(' ', "-"));
        write!(f, "{behavior} {closing}")
    }
}

fn parse_line(line: &str) -> Result<(Case, Expected)> {
    let mut words = line.splitn(4, ' ');
    let (Some(subject), Some(number), Some(third), Some(rest)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        bail!("it has a subject, a case, a verdict on the messages, and one on the closing");
    };
    let expected = if third == EXCLUDED {
        Expected::Excluded(rest.to_owned())
    } else {
        Expected::Verdict(Verdict { behavior: third.to_owned(), closing: rest.to_owned() })
    };
    Ok((Case::new(subject, number)?, expected))
}

const EXCLUDED: &str = "excluded:";

/// The last is said of what the specification leaves open.
const PASSING: [&str; 2] = ["OK", "INFORMATIONAL"];

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = "# For people.\necho 1.9 OK OK\necho 1.10 INFORMATIONAL OK\n\
                             echo 9.1 excluded: for a good reason\n";

    fn committed() -> Record {
        Record::parse(COMMITTED).unwrap()
    }

    fn found(cases: &[(&str, &str, &str)]) -> Findings {
        let verdict = |behavior: &str, closing: &str| Verdict {
            behavior: behavior.to_owned(),
            closing: closing.to_owned(),
        };
        let case = |number| Case::new("echo", number).unwrap();
        let cases = cases.iter();
        cases.map(|(number, one, two)| (case(number), verdict(one, two))).collect()
    }

    /// As committed, but for the last case.
    fn with(number: &str, behavior: &str, closing: &str) -> Findings {
        found(&[
            ("1.9", "OK", "OK"),
            ("1.10", "INFORMATIONAL", "OK"),
            ("9.1", "FAILED", "OK"),
            (number, behavior, closing),
        ])
    }

    #[test]
    fn a_run_as_recorded_differs_in_nothing() {
        assert_eq!(committed().differences(&with("1.9", "OK", "OK")), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_difference_is_reported() {
        for (found, expected) in [
            (with("1.9", "NON-STRICT", "OK"), "echo 1.9 fails: NON-STRICT OK"),
            (with("1.9", "OK", "WRONG CODE"), "echo 1.9 fails: OK WRONG-CODE"),
            (with("1.10", "OK", "OK"), "echo 1.10 is OK OK, but recorded as INFORMATIONAL OK"),
            (with("2.1", "OK", "OK"), "echo 2.1 is new: --write records it"),
            (with("2.1", "FAILED", "OK"), "echo 2.1 fails: FAILED OK"),
            (
                with("9.1", "OK", "OK"),
                "echo 9.1 passes, but is excluded: the exclusion is stale, --write takes it out",
            ),
        ] {
            assert_eq!(committed().differences(&found), [expected]);
        }
    }

    #[test]
    fn a_case_that_was_not_run_is_reported() {
        let found = found(&[("1.9", "OK", "OK"), ("9.1", "FAILED", "OK")]);
        assert_eq!(committed().differences(&found), ["echo 1.10 is recorded, but was not run"]);
    }

    #[test]
    fn what_is_written_has_the_new_the_old_exclusions_and_an_order() {
        let renewed = committed().renewed(with("2.1", "OK", "OK")).unwrap().to_string();
        let lines: Vec<&str> = renewed.lines().collect();
        assert_eq!(
            lines,
            [
                "echo 1.9 OK OK",
                "echo 1.10 INFORMATIONAL OK",
                "echo 2.1 OK OK",
                "echo 9.1 excluded: for a good reason",
            ]
        );
        assert_eq!(Record::parse(&renewed).unwrap().to_string(), renewed);
    }

    #[test]
    fn a_stale_exclusion_is_written_as_a_pass() {
        let renewed = committed().renewed(with("9.1", "OK", "OK")).unwrap().to_string();
        assert!(renewed.ends_with("\necho 9.1 OK OK\n"), "{renewed}");
    }

    #[test]
    fn a_failure_cannot_be_written() {
        let error = committed().renewed(with("1.9", "FAILED", "OK")).unwrap_err().to_string();
        assert!(error.ends_with("\n  echo 1.9 fails: FAILED OK"), "{error}");
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for line in ["echo 1.9 OK", "echo one OK OK", ""] {
            let error = Record::parse(&format!("# a\n{line}\n")).unwrap_err().to_string();
            assert_eq!(error, format!("line 2, `{line}`"));
        }
    }
}
