//! Which pages there are, and the fenced blocks in them with the comments before.

use anyhow::{Context as _, Result, bail, ensure};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// A block between fences.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// From the top of the workspace.
    pub(super) page: String,
    /// Of the opening fence.
    line: usize,
    pub(super) language: String,
    pub(super) text: String,
    pub(super) note: Note,
    /// Whether the page is part of its crate's documentation.
    pub(super) is_doctest: bool,
}

/// What a comment right before a block says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Note {
    #[default]
    None,
    NotRun(String),
    OnItsOwn,
    AfterRestart,
    PrintsToken,
    OneScript,
    /// A program of that path, from the top of the workspace, runs it.
    By(String),
}

impl fmt::Display for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{} ({})", self.page, self.line, self.language)
    }
}

/// All blocks of all pages, in their order.
pub(super) fn documentation() -> Result<Vec<Block>> {
    let root = root();
    let mut pages: Vec<PathBuf> = Vec::new();
    for folder in ["", "benches", "fuzz"] {
        pages.push(root.join(folder).join("README.md"));
    }
    for entry in fs::read_dir(root.join("crates"))? {
        pages.push(entry?.path().join("README.md"));
    }
    pages.retain(|page| page.is_file());
    collect(&root.join("docs"), &mut pages)?;
    pages.sort();
    let mut blocks = Vec::new();
    let client = fs::read_to_string(root.join("crates/client/src/lib.rs"))?;
    for page in pages {
        let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        let name = page.strip_prefix(&root).unwrap_or(&page).to_string_lossy().into_owned();
        let library = page.with_file_name("src").join("lib.rs");
        let has_readme = fs::read_to_string(library)
            .is_ok_and(|library| library.contains("include_str!(\"../README.md\")"));
        let is_doctest =
            has_readme || client.contains(&format!("include_str!(\"../../../{name}\")"));
        blocks.extend(parse(&name, &text, is_doctest)?);
    }
    Ok(blocks)
}

/// The top of the workspace.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The first file of settings that a page shows, which its server has.
pub(super) fn settings_of<'a>(page: &str, all: &'a [Block]) -> Option<&'a str> {
    let mut files = all.iter().filter(|block| block.page == page && block.language == "toml");
    files.find(|block| block.note == Note::None).map(|block| &*block.text)
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|ending| ending == "md") {
            pages.push(path);
        }
    }
    Ok(())
}

/// The blocks of one page.
fn parse(page: &str, text: &str, is_doctest: bool) -> Result<Vec<Block>> {
    let (mut blocks, mut note) = (Vec::new(), Note::None);
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if let Some(comment) = line.strip_prefix("<!-- ") {
            let comment = comment.strip_suffix(" -->").unwrap_or_default();
            let directive = directive(comment).with_context(|| format!("{page}:{number}"))?;
            if let Some(directive) = directive {
                note = directive;
            }
        } else if let Some(language) = line.trim_start().strip_prefix("```") {
            let (indent, mut text) = (line.len() - line.trim_start().len(), String::new());
            loop {
                let (_, line) = lines.next().with_context(|| format!("{page}:{number}: no end"))?;
                if line.trim() == "```" {
                    break;
                }
                text += line.get(indent..).unwrap_or_default();
                text.push('\n');
            }
            let (language, note) = (language.to_owned(), std::mem::take(&mut note));
            ensure!(!language.is_empty(), "{page}:{number}: a block says which language it is");
            let page = page.to_owned();
            blocks.push(Block { page, line: number, language, text, note, is_doctest });
        } else if !line.trim().is_empty() && note != Note::None {
            bail!("{page}:{number}: the comment before has no block behind it");
        }
    }
    ensure!(note == Note::None, "{page}: the last comment has no block behind it");
    Ok(blocks)
}

/// What a comment says about running the block that follows it, if it is a directive.
fn directive(comment: &str) -> Result<Option<Note>> {
    Ok(match comment.split_once(": ") {
        Some(("not run", reason)) => {
            ensure!(reason.split(' ').count() >= 3, "a reason says something");
            Some(Note::NotRun(reason.to_owned()))
        }
        Some(("run", "on a server of its own")) => Some(Note::OnItsOwn),
        Some(("run", "after a restart")) => Some(Note::AfterRestart),
        Some(("run", "it prints a token")) => Some(Note::PrintsToken),
        Some(("run", "as one script")) => Some(Note::OneScript),
        Some(("run", by)) if by.starts_with("by ") => {
            Some(Note::By(by.trim_start_matches("by ").to_owned()))
        }
        Some(("run", other)) => bail!("nobody knows how to run a block {other}"),
        _ => None,
    })
}

#[test]
fn a_block_is_found_with_the_comment_before_it() -> Result<()> {
    let page = "a\n<!-- not run: it takes hours -->\n\n```sh\nb\n  c\n```\n\n```js\nd\n```\n";
    let blocks = parse("a.md", page, false)?;
    assert_eq!(blocks[0].note, Note::NotRun("it takes hours".to_owned()));
    assert_eq!((blocks[0].text.as_str(), blocks[0].line), ("b\n  c\n", 4));
    assert_eq!((blocks[1].language.as_str(), &blocks[1].note), ("js", &Note::None));
    Ok(())
}

#[test]
fn a_comment_that_belongs_to_no_block_is_stale() {
    for page in [
        "<!-- not run: it takes hours -->\nwords\n```sh\n```\n",
        "<!-- not run: it takes hours -->\n",
        "<!-- not run: why -->\n```sh\n```\n",
        "<!-- run: somehow -->\n```sh\n```\n",
        "```sh\n",
        "```\n```\n",
    ] {
        assert!(parse("a.md", page, false).is_err(), "{page}");
    }
}
