//! Links between pages: the file is there, and so is the heading.
//!
//! Pure, but for what `read` reads.

use super::words::prose;
use std::path::{Component, Path};

/// Adds a line to `findings` for each link of the page at `path` that leads nowhere. `read` returns a file's text, an
/// empty one for a folder or a picture, and nothing if it is not there.
pub(crate) fn check(
    path: &str,
    text: &str,
    read: impl Fn(&str) -> Option<String>,
    findings: &mut Vec<String>,
) {
    if !path.ends_with(".md") {
        return;
    }
    for (number, line) in prose(text) {
        for target in targets(&line) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let page = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
            let Some(other) = read(&page) else {
                findings.push(format!("{path}:{number}: the link to {target} leads to no file"));
                continue;
            };
            if !heading.is_empty() && !anchors(&other).any(|anchor| anchor == heading) {
                findings.push(format!("{path}:{number}: {page} has no heading #{heading}"));
            }
        }
    }
}

/// What a line links to inside the project.
fn targets(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"')] {
        for part in line.split(opening).skip(1) {
            targets.extend(part.split(closing).next());
        }
    }
    targets.retain(|target| !target.contains(':') && !target.is_empty());
    targets
}

/// The path of `file` as the page at `page` means it, from the top.
fn resolve(page: &str, file: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    for part in folder.join(file).components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    parts.join("/")
}

/// How GitHub names the headings of a page: small letters, digits, `-` and `_`; a space is a `-`.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let read = |path: &str| match path {
            "README.md" => Some("# Top\n## What `it` does: a, b\n".to_owned()),
            "docs/a.md" => Some("## Own\n".to_owned()),
            "docs/a.png" => Some(String::new()),
            _ => None,
        };
        let mut findings = Vec::new();
        check(path, text, read, &mut findings);
        findings
    }

    #[test]
    fn links_that_lead_somewhere_have_no_findings() {
        let text = "[a](../README.md) [b](../README.md#what-it-does-a-b) [c](#own) <img src=\"a.png\">\n\
                    [d](https://example.com/x#y) `[e](f.md)`\n```text\n[g](h.md)\n```\n";
        assert_eq!(findings("docs/a.md", text), Vec::<String>::new());
    }

    #[test]
    fn a_file_or_a_heading_that_is_not_there_is_found() {
        assert_eq!(
            findings("docs/a.md", "[a](b.md) and [c](../README.md#gone)\n[d](#gone)\n"),
            [
                "docs/a.md:1: the link to b.md leads to no file",
                "docs/a.md:1: README.md has no heading #gone",
                "docs/a.md:2: docs/a.md has no heading #gone",
            ]
        );
        assert_eq!(findings("a.rs", "[a](b.md)\n"), Vec::<String>::new());
    }
}
