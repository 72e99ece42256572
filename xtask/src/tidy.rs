//! `cargo xtask tidy`: what `STYLE` asks of every file and a machine can see.
//!
//! This file knows which files there are and which crates; `tidy/text.rs` checks one text, `tidy/words.rs` and
//! `tidy/links.rs` the documentation, `tidy/evidence.rs` the tests that it names, `tidy/names.rs` names and texts in the code.

mod evidence;
mod links;
mod names;
mod text;
mod words;

use crate::arguments;
use crate::workspace::{Package, Workspace};
use anyhow::{Context as _, Result, bail};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    arguments::refuse(arguments)?;
    let root = &workspace.root;
    let mut files = Vec::new();
    collect_texts(root, &mut files)?;
    files.sort();

    let (mut checked, mut findings) = (0, Vec::new());
    let (mut tests, mut pages) = (HashSet::new(), Vec::new());
    for file in &files {
        let path = file.strip_prefix(root).unwrap_or(file).to_string_lossy();
        let bytes = fs::read(file).with_context(|| format!("reading {path}"))?;
        if !must_be_text(file) && bytes.contains(&0) {
            continue;
        }
        checked += 1;
        match String::from_utf8(bytes) {
            Ok(text) => {
                text::check(&path, &text, &mut findings);
                words::check(&path, &text, &mut findings);
                names::check(&path, &text, &mut findings);
                links::check(&path, &text, |linked| read_linked(root, linked), &mut findings);
                evidence::collect(&path, &text, &mut tests);
                if let Some(lines) = text::over_budget(&path, &text) {
                    println!("note: {path}: {lines} lines, over the budget of 300");
                }
                if path.ends_with(".md") {
                    pages.push((path.into_owned(), text));
                }
            }
            Err(_) if must_be_text(file) => findings.push(format!("{path}: is not UTF-8")),
            Err(_) => checked -= 1,
        }
    }
    for (path, text) in &pages {
        evidence::check(path, text, &tests, &mut findings);
    }
    for package in &workspace.packages {
        check_package(package, &mut findings);
    }
    for name in TOP_PAGES {
        if !root.join(name).is_file() {
            findings.push(format!("{name}: is missing"));
        }
    }
    if !findings.is_empty() {
        bail!("{} untidy places:\n  {}", findings.len(), findings.join("\n  "));
    }
    println!("{checked} files are tidy");
    Ok(())
}

/// The text of what a page links to; an empty one for a folder, a picture and the like.
fn read_linked(root: &Path, path: &str) -> Option<String> {
    let path = root.join(path);
    path.exists().then(|| fs::read_to_string(path).unwrap_or_default())
}

/// Every file below `folder` that may be a text, less what tools leave there.
fn collect_texts(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        // In a second working tree of git `.git` is a file.
        if LEFT_BY_TOOLS.iter().any(|skipped| name == *skipped) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if !CORPORA.iter().any(|folder| path.ends_with(folder)) {
                collect_texts(&path, files)?;
            }
        } else if may_be_text(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file that is not a text is an error, rather than a file of another kind.
fn must_be_text(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.map_or(path.ends_with(".ci/run"), |ending| TEXT_ENDINGS.contains(&ending))
}

/// Whether what is in a file has to be looked at to know its kind. A licence is quoted to the byte.
fn may_be_text(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    let is_licence =
        TOP_PAGES.iter().any(|page| page.starts_with("LICENSE") && path.ends_with(page));
    !is_licence && !extension.is_some_and(|ending| OTHER_ENDINGS.contains(&ending))
}

fn check_package(package: &Package, findings: &mut Vec<String>) {
    let name = &package.name;
    if package.description.as_ref().is_none_or(String::is_empty) {
        findings.push(format!("{name}: its Cargo.toml has no description"));
    }
    let readme = package.readme.as_ref().map(|readme| package.folder().join(readme));
    if package.is_published() && !readme.is_some_and(|readme| readme.is_file()) {
        findings.push(format!("{name}: is published (no `publish = false`) and has no README.md"));
    }
    if package.is_published() {
        check_published(package, findings);
    }
}

/// What a package needs once it lies on a registry, apart from this repository.
fn check_published(package: &Package, findings: &mut Vec<String>) {
    let name = &package.name;
    if name != PROJECT && !name.starts_with(&format!("{PROJECT}-")) {
        findings.push(format!(
            "{name}: is published under a name that may be another project's: call it {PROJECT}-…"
        ));
    }
    for licence in TOP_PAGES.iter().filter(|page| page.starts_with("LICENSE")) {
        if !package.folder().join(licence).is_file() {
            findings.push(format!(
                "{name}: is published without {licence}; link it to the one at the top"
            ));
        }
    }
    let readme = package.readme.as_ref().map(|readme| package.folder().join(readme));
    let text = readme.and_then(|readme| fs::read_to_string(readme).ok()).unwrap_or_default();
    let said = text.split("Minimum supported Rust version: ").nth(1);
    let said = said.and_then(|rest| rest.split(". ").next());
    if said.is_some_and(|said| package.rust_version.as_deref() != Some(said)) {
        findings
            .push(format!("{name}: its README.md and its Cargo.toml name two versions of Rust"));
    }
}

/// What the names of our packages begin with.
const PROJECT: &str = "tidewire";

const TOP_PAGES: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

const TEXT_ENDINGS: [&str; 13] =
    ["rs", "toml", "md", "js", "mjs", "css", "html", "json", "yml", "yaml", "sh", "lock", "svg"];

/// Pictures, and what programs write while they run.
const OTHER_ENDINGS: [&str; 8] = ["png", "jpg", "ico", "gif", "webp", "woff2", "gz", "log"];

/// Inputs that a fuzzer made up; some are text by chance.
const CORPORA: [&str; 2] = ["fuzz/corpus", "fuzz/artifacts"];

const LEFT_BY_TOOLS: [&str; 4] = [".git", "target", "node_modules", "mutants.out"];

/// What a check of one file finds.
#[cfg(test)]
fn findings_of(check: fn(&str, &str, &mut Vec<String>), path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    check(path, text, &mut findings);
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings_of_package(package: &Package) -> Vec<String> {
        let mut findings = Vec::new();
        check_package(package, &mut findings);
        findings
    }

    #[test]
    fn a_published_crate_needs_a_description_and_a_readme() {
        let bare = Package { name: "bare".to_owned(), ..Package::default() };
        assert_eq!(
            findings_of_package(&bare),
            [
                "bare: its Cargo.toml has no description",
                "bare: is published (no `publish = false`) and has no README.md",
                "bare: is published under a name that may be another project's: call it tidewire-…",
                "bare: is published without LICENSE-APACHE; link it to the one at the top",
                "bare: is published without LICENSE-MIT; link it to the one at the top",
            ]
        );
    }

    #[test]
    fn a_readme_names_the_version_of_rust_that_the_manifest_names() {
        let codec = |version: &str| Package {
            name: "tidewire-sse".to_owned(),
            description: Some("Events.".to_owned()),
            readme: Some("README.md".into()),
            rust_version: Some(version.to_owned()),
            manifest_path: concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/sse-codec/Cargo.toml")
                .into(),
            ..Package::default()
        };
        assert_eq!(findings_of_package(&codec("1.88")), [""; 0]);
        assert_eq!(
            findings_of_package(&codec("1.60")),
            ["tidewire-sse: its README.md and its Cargo.toml name two versions of Rust"]
        );
    }

    #[test]
    fn a_private_crate_needs_no_readme() {
        let private = Package {
            description: Some("Ours alone.".to_owned()),
            publish: Some(Vec::new()),
            ..Package::default()
        };
        assert_eq!(findings_of_package(&private), Vec::<String>::new());
    }

    #[test]
    fn a_readme_that_only_the_manifest_knows_does_not_count() {
        let promised = Package {
            description: Some("Promised.".to_owned()),
            readme: Some("README-that-is-not-there.md".into()),
            manifest_path: concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into(),
            ..Package::default()
        };
        assert!(findings_of_package(&promised)[0].ends_with("has no README.md"));
    }

    #[test]
    fn sources_pages_and_the_ci_script_are_texts() {
        assert!(must_be_text(Path::new("crates/broker/src/lib.rs")));
        assert!(must_be_text(Path::new(".ci/run")));
        assert!(!must_be_text(Path::new("docs/picture.png")));
    }

    #[test]
    fn every_file_is_looked_at_but_pictures_logs_and_licences() {
        for name in ["docs/core.txt", "unit.service", "Dockerfile", "a.csv"] {
            assert!(may_be_text(Path::new(name)), "{name}");
        }
        assert!(!may_be_text(Path::new("docs/picture.png")));
        assert!(!may_be_text(Path::new("npm-debug.log")));
        assert!(!may_be_text(Path::new("LICENSE-APACHE")));
    }
}
