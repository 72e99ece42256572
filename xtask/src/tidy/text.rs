//! The rules for one text: pure, so that every rule can be seen to fail in a test.
//!
//! Functions are measured by rustfmt's indentation: from the line that names one to the brace that
//! closes it in the same column.

/// Adds a line to `findings` for each rule that `text`, the file at `path`, breaks.
pub(crate) fn check(path: &str, text: &str, findings: &mut Vec<String>) {
    if path.rsplit('/').next() == Some("mod.rs") {
        findings.push(format!("{path}: is `foo.rs` beside `foo/` in this project"));
    }
    if is_source(path) {
        check_source(path, text, findings);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(format!("{path}: its last line does not end"));
    }
    for (_, name) in NAMES.iter().filter(|(file, name)| path == *file && !text.contains(name)) {
        findings.push(format!("{path}: does not hold `{name}` any more; see {}", file!()));
    }
    for (number, line) in (1..).zip(text.split('\n')) {
        for complaint in complaints(path, line) {
            findings.push(format!("{path}:{number}: {complaint}"));
        }
    }
}

/// The number of lines, when that is more than a source should have and less than it must not.
pub(crate) fn over_budget(path: &str, text: &str) -> Option<usize> {
    let lines = text.lines().count();
    (is_source(path) && lines > LINES_BUDGET && lines <= LINES_MAX).then_some(lines)
}

fn check_source(path: &str, text: &str, findings: &mut Vec<String>) {
    if !opens_with_doc(path, text) {
        findings.push(format!("{path}:1: does not open by saying what it is"));
    }
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() > LINES_MAX {
        findings.push(format!("{path}: {} lines, at most {LINES_MAX}", lines.len()));
    }
    for (number, rest) in (1..).zip((0..lines.len()).filter_map(|start| lines.get(start..))) {
        if let Some(length) = function_lines(rest).filter(|length| *length > FUNCTION_LINES_MAX) {
            findings.push(format!(
                "{path}:{number}: a function of {length} lines, at most {FUNCTION_LINES_MAX}"
            ));
        }
    }
}

/// Rust says it with `//!`, or takes its README for it; a script says it in any comment.
fn opens_with_doc(path: &str, text: &str) -> bool {
    let text = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("#!/") => rest,
        _ => text,
    };
    if path.ends_with(".rs") {
        text.starts_with("//! ") || text.starts_with("#![doc = include_str!(")
    } else {
        text.starts_with("// ") || text.starts_with("/*")
    }
}

/// How many lines the function has whose first line opens `lines`; `None` if none starts there.
fn function_lines(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    let indent = first.len() - first.trim_start().len();
    if !names_function(first.trim_start()) {
        return None;
    }
    let head_end = lines.iter().position(|line| line.ends_with(['{', '}', ';']))?;
    if !lines.get(head_end)?.ends_with('{') {
        return None;
    }
    let closes = |line: &&str| line.trim_start() == "}" && line.len() == indent + 1;
    lines.iter().position(closes).map(|last| last + 1)
}

/// Whether a line begins a function, after any of the words that may stand before `fn`.
fn names_function(line: &str) -> bool {
    let mut words = line.split(' ');
    let keyword = words.find(|word| !BEFORE_FN.contains(word) && !word.starts_with("pub("));
    matches!(keyword, Some("fn" | "function" | "function*")) && words.next().is_some()
}

/// What is wrong with one line, whichever line it is.
fn complaints(path: &str, line: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if line.contains('\t') {
        complaints.push("a tab".to_owned());
    }
    if line.ends_with([' ', '\r']) {
        complaints.push("white space at the end of the line".to_owned());
    }
    if path.ends_with(".lock") || path.ends_with("package-lock.json") {
        if line.contains("\"resolved\"") && !line.contains("https://registry.npmjs.org/") {
            complaints.push("a registry that others do not have".to_owned());
        }
        return complaints;
    }
    let said = line.to_lowercase();
    let is_name = NAMES.iter().any(|(file, name)| path == *file && line.contains(name));
    if let Some(reminder) = REMINDERS.iter().find(|word| has_word(&said, word) && !is_name) {
        complaints.push(format!("a leftover `{reminder}`: do it or open an issue"));
    }
    if path.ends_with(".rs") && line.trim_start().starts_with("#[ignore]") {
        complaints.push("an ignored test without its reason".to_owned());
    }
    if let Some(folder) = MACHINE_FOLDERS.iter().find(|folder| has_path(line, folder)) {
        complaints.push(format!("`{folder}` is a path of one machine"));
    }
    complaints
}

/// Whether `line` has `word` with no letter, digit or underscore on either side.
fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line.get(start + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

/// Whether `line` has a path that begins with `folder`, which a longer path or address may hold too.
fn has_path(line: &str, folder: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._-~}".contains(c);
    line.match_indices(folder).any(|(start, _)| {
        !line.get(..start).and_then(|text| text.chars().next_back()).is_some_and(inside)
    })
}

fn is_source(path: &str) -> bool {
    [".rs", ".js", ".mjs"].iter().any(|ending| path.ends_with(ending))
}

const LINES_BUDGET: usize = 300;
const LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

const BEFORE_FN: [&str; 8] =
    ["pub", "const", "async", "unsafe", "extern", "\"C\"", "export", "default"];

/// In any case: a macro, a comment and a heading remind alike. Spelled in halves, so that this file
/// passes its own check.
const REMINDERS: [&str; 5] = [
    concat!("to", "do"),
    concat!("fix", "me"),
    concat!("xx", "x"),
    concat!("ha", "ck"),
    concat!("unimple", "mented"),
];

/// What others named so, in the one file that has to say it: no reminder of ours.
const NAMES: [(&str, &str); 3] = [
    // The lints.
    ("Cargo.toml", concat!("to", "do = \"warn\"")),
    // Vectors of the Web Platform Tests and of their kind.
    ("crates/sse-codec/tests/it/the_cases_of_web_platform_tests.rs", concat!("foobar:xx", "x")),
    ("crates/sse-codec/tests/it/only_four_fields_count.rs", concat!("foobar:xx", "x")),
];

const MACHINE_FOLDERS: [&str; 4] =
    [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::findings_of;

    fn findings(path: &str, text: &str) -> Vec<String> {
        findings_of(check, path, text)
    }

    fn function_of(lines: usize, indent: &str) -> String {
        let body = format!("{indent}    step();\n").repeat(lines - 2);
        format!("{indent}pub(crate) async fn long() {{\n{body}{indent}}}\n")
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        let text = "//! What it is.\n\nfn main() {}\n";
        assert_eq!(findings("src/main.rs", text), Vec::<String>::new());
    }

    #[test]
    fn a_file_must_open_by_saying_what_it_is() {
        let finding = ["a.rs:1: does not open by saying what it is"];
        assert_eq!(findings("a.rs", "use std::fs;\n"), finding);
        assert_eq!(findings("a.rs", "// Not a doc comment.\n"), finding);
        assert_eq!(findings("a.rs", ""), finding);
        assert_eq!(findings("a.mjs", "export {};\n").len(), 1);
    }

    #[test]
    fn a_readme_a_comment_and_a_line_after_the_shebang_say_it_too() {
        for (path, text) in [
            ("lib.rs", "#![doc = include_str!(\"../README.md\")]\n"),
            ("a.js", "// What it is.\n"),
            ("a.mjs", "#!/usr/bin/env node\n/** What it is. */\n"),
        ] {
            assert_eq!(findings(path, text), Vec::<String>::new());
        }
    }

    #[test]
    fn six_hundred_lines_pass_with_a_note_and_one_more_does_not() {
        let text = format!("//! Long.\n{}", "\n".repeat(599));
        assert_eq!(findings("a.rs", &text), Vec::<String>::new());
        assert_eq!(over_budget("a.rs", &text), Some(600));
        let text = text + "\n";
        assert_eq!(findings("a.rs", &text), ["a.rs: 601 lines, at most 600"]);
        assert_eq!(over_budget("a.rs", &text), None);
    }

    #[test]
    fn three_hundred_lines_are_within_the_budget() {
        let text = "\n".repeat(300);
        assert_eq!(over_budget("a.rs", &text), None);
        assert_eq!(over_budget("a.rs", &(text.clone() + "\n")), Some(301));
        assert_eq!(over_budget("page.html", &(text + "\n")), None);
    }

    #[test]
    fn seventy_lines_of_function_pass_and_one_more_does_not() {
        for indent in ["", "    ", "        "] {
            let text = format!("//! It.\n{}", function_of(70, indent));
            assert_eq!(findings("a.rs", &text), Vec::<String>::new());
            let text = format!("//! It.\n{}", function_of(71, indent));
            assert_eq!(findings("a.rs", &text), ["a.rs:2: a function of 71 lines, at most 70"]);
        }
    }

    #[test]
    fn a_function_is_measured_from_its_name_through_a_head_of_many_lines() {
        let head = "fn wide<T>(\n    a: T,\n) -> bool\nwhere\n    T: Copy,\n{\n";
        let text = format!("{head}{}}}\n", "    step();\n".repeat(3));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(function_lines(&lines), Some(10));
    }

    #[test]
    fn a_function_without_a_body_is_not_measured_by_its_neighbour() {
        for head in
            ["    fn handed(&self);", "    fn short() {}", "    fn wide(\n        a: u8,\n    );"]
        {
            let text = format!("{head}\n{}    }}\n", "        step();\n".repeat(80));
            assert_eq!(function_lines(&text.lines().collect::<Vec<_>>()), None, "{head}");
        }
    }

    #[test]
    fn functions_of_scripts_are_measured_and_words_about_them_are_not() {
        assert!(names_function("export async function connect() {"));
        assert!(names_function("pub const unsafe fn at() {"));
        assert!(!names_function("// fn at() {"));
        assert!(!names_function("run: fn(&Workspace) -> bool,"));
        assert!(!names_function("pub"));
    }

    #[test]
    fn mod_rs_is_refused_and_a_name_that_ends_alike_is_not() {
        assert_eq!(findings("src/wire/mod.rs", "//! It.\n").len(), 1);
        assert_eq!(findings("src/wire/tmod.rs", "//! It.\n").len(), 0);
    }

    #[test]
    fn a_leftover_reminder_is_found_in_any_case_and_as_a_word_only() {
        for reminder in REMINDERS {
            let finding = format!("a.md:2: a leftover `{reminder}`: do it or open an issue");
            for spelling in [reminder.to_owned(), reminder.to_uppercase(), format!("{reminder}!()")]
            {
                let text = format!("first\n<!-- {spelling}: later -->\n");
                assert_eq!(findings("a.md", &text), [&*finding], "{spelling}");
            }
            let text = format!("a{reminder} {reminder}s_{reminder}\n");
            assert_eq!(findings("a.md", &text), Vec::<String>::new());
        }
    }

    #[test]
    fn a_reminder_is_found_in_every_kind_of_text() {
        for path in ["a.rs", "a.js", "a.html", "a.toml", "a.yml", "a.sh", "a.txt", "Dockerfile"] {
            let opening = if path == "a.js" { "// It." } else { "//! It." };
            let text = format!("{opening}\n{}\n", concat!("# to", "do: later"));
            assert_eq!(findings(path, &text).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_name_that_others_gave_is_no_reminder_in_its_file_while_it_is_there() {
        for (path, name) in NAMES {
            let text = format!("//! It.\n{name}\n");
            assert_eq!(findings(path, &text), Vec::<String>::new(), "{path}");
            assert_eq!(findings("other.rs", &text).len(), 1, "{name}");
            let gone = format!("{path}: does not hold `{name}` any more");
            assert!(findings(path, "//! It.\n")[0].starts_with(&gone), "{path}");
        }
    }

    #[test]
    fn an_ignored_test_needs_its_reason() {
        let finding = ["a.rs:2: an ignored test without its reason"];
        assert_eq!(findings("a.rs", "//! It.\n    #[ignore]\n"), finding);
        assert_eq!(findings("a.rs", "//! It.\n#[ignore = \"slow\"]\n"), Vec::<String>::new());
    }

    #[test]
    fn a_path_of_one_machine_is_refused_and_one_of_an_address_is_not() {
        for folder in MACHINE_FOLDERS {
            for before in ["", "cd ", "\"", "(", "file://"] {
                assert_eq!(findings("a.md", &format!("{before}{folder}x\n")).len(), 1, "{folder}");
            }
            let address = format!("https://example.com{folder}x ${{prefix}}{folder}\n");
            assert_eq!(findings("a.md", &address), Vec::<String>::new());
        }
    }

    #[test]
    fn a_lock_file_names_the_public_registry_or_none() {
        let path = "web/package-lock.json";
        let named = "\"resolved\": \"https://registry.npmjs.org/a.tgz\",\n";
        assert_eq!(findings(path, named), Vec::<String>::new());
        let foreign = "\"resolved\": \"https://mirror.example/a.tgz\",\n";
        assert_eq!(findings(path, foreign).len(), 1);
    }

    #[test]
    fn tabs_white_space_and_unfinished_lines_are_found_in_every_text() {
        assert_eq!(findings("a.toml", "a\tb\n"), ["a.toml:1: a tab"]);
        for blank in ["a \n", "a\r\n"] {
            assert_eq!(findings("a.md", blank), ["a.md:1: white space at the end of the line"]);
        }
        assert_eq!(findings("a.md", "a"), ["a.md: its last line does not end"]);
    }
}
