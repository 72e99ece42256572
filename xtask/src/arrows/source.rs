//! The parts of a source file that matter to the arrows: its modules, its imports, and the paths in its code.
//!
//! They are read from tokens: comments and texts do not count, and the arguments of macros do. What only tests see
//! (`#[cfg(test)]`) is left out.

use anyhow::{Context as _, Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// One module, as its file or its braces say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// Those that have a file of their own: `mod name;`.
    pub(super) children: Vec<String>,
    /// Those between braces: `mod name { … }`.
    pub(super) inline: Vec<(String, Source)>,
    pub(super) imports: Vec<Import>,
    /// Every path of two names or more outside imports: `crate::lane::Lane`, `Instant::now`.
    pub(super) paths: Vec<Vec<String>>,
    /// Every word after a dot: methods and fields.
    pub(super) members: BTreeSet<String>,
}

/// One name that `use` brings in. The path ends with `*` for all names there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// What it is called here: the last name of the path, or the one after `as`.
    pub(super) name: String,
    /// Whether others may import it from here: `pub use`.
    pub(super) is_export: bool,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It is no Rust, down to its brackets and quotes.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let tokens: TokenStream = text.parse().map_err(|error| anyhow!("{error}"))?;
        let mut source = Self::default();
        source.read(&tokens.into_iter().collect::<Vec<_>>()).context("reading its items")?;
        Ok(source)
    }

    fn read(&mut self, mut tokens: &[TokenTree]) -> Result<()> {
        while let Some((first, rest)) = tokens.split_first() {
            tokens = match first {
                TokenTree::Punct(hash) if hash.as_char() == '#' => match rest {
                    [TokenTree::Group(attribute), item @ ..] if is_left_out(attribute.stream()) => {
                        after_item(item)
                    }
                    _ => rest,
                },
                TokenTree::Ident(word) if word == "mod" => self.read_module(rest)?,
                TokenTree::Ident(word) if word == "pub" => self.read_public(rest)?,
                TokenTree::Ident(word) if word == "use" => self.read_use(rest, false)?,
                TokenTree::Punct(dot) if dot.as_char() == '.' => match rest {
                    [TokenTree::Ident(member), rest @ ..] => {
                        self.members.insert(member.to_string());
                        rest
                    }
                    _ => rest,
                },
                TokenTree::Ident(_) => self.read_path(tokens),
                TokenTree::Group(group) => {
                    self.read(&group.stream().into_iter().collect::<Vec<_>>())?;
                    rest
                }
                _ => rest,
            };
        }
        Ok(())
    }

    /// After `mod`.
    fn read_module<'a>(&mut self, tokens: &'a [TokenTree]) -> Result<&'a [TokenTree]> {
        match tokens {
            [TokenTree::Ident(name), TokenTree::Punct(end), rest @ ..] if end.as_char() == ';' => {
                self.children.push(name.to_string());
                Ok(rest)
            }
            [TokenTree::Ident(name), TokenTree::Group(body), rest @ ..]
                if body.delimiter() == Delimiter::Brace =>
            {
                let mut source = Self::default();
                source.read(&body.stream().into_iter().collect::<Vec<_>>())?;
                self.inline.push((name.to_string(), source));
                Ok(rest)
            }
            // A fragment of a macro.
            _ => Ok(tokens),
        }
    }

    /// After `pub`: perhaps what may see it, perhaps an import.
    fn read_public<'a>(&mut self, tokens: &'a [TokenTree]) -> Result<&'a [TokenTree]> {
        match tokens {
            [TokenTree::Group(_), TokenTree::Ident(word), rest @ ..]
            | [TokenTree::Ident(word), rest @ ..]
                if word == "use" =>
            {
                self.read_use(rest, true)
            }
            [TokenTree::Group(seen_by), rest @ ..]
                if seen_by.delimiter() == Delimiter::Parenthesis =>
            {
                Ok(rest)
            }
            _ => Ok(tokens),
        }
    }

    /// After `use`, up to the semicolon.
    fn read_use<'a>(
        &mut self,
        tokens: &'a [TokenTree],
        is_export: bool,
    ) -> Result<&'a [TokenTree]> {
        let end = tokens.iter().position(|token| is_punct(token, ';'));
        // `use` is also a word of `impl Trait + use<…>`.
        let Some((tree, rest)) = end.and_then(|end| tokens.split_at_checked(end)) else {
            return Ok(tokens);
        };
        if tree.first().is_some_and(|token| is_punct(token, '<')) {
            return Ok(tokens);
        }
        self.flatten(&[], tree, is_export);
        Ok(rest)
    }

    /// One import for each name of a tree such as `crate::{lane::Lane, ring as rings}`.
    fn flatten(&mut self, before: &[String], tree: &[TokenTree], is_export: bool) {
        let (mut path, mut renamed) = (before.to_vec(), None);
        let mut tokens = tree.iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    renamed = tokens.next().map(ToString::to_string);
                }
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(star) if star.as_char() == '*' => path.push("*".to_owned()),
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for tree in inner.split(|token| is_punct(token, ',')) {
                        self.flatten(&path, tree, is_export);
                    }
                    return;
                }
                _ => {}
            }
        }
        // `lane::{self}` names the module.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let Some(name) = renamed.or_else(|| path.last().cloned()) else { return };
        self.imports.push(Import { path, name, is_export });
    }

    /// At a word: with what follows after `::`, as far as that are words.
    fn read_path<'a>(&mut self, tokens: &'a [TokenTree]) -> &'a [TokenTree] {
        let (mut path, mut rest) = (Vec::new(), tokens);
        while let [TokenTree::Ident(word), after @ ..] = rest {
            path.push(word.to_string());
            rest = after;
            match after {
                [first, second, next @ ..]
                    if is_punct(first, ':')
                        && is_punct(second, ':')
                        && matches!(next, [TokenTree::Ident(_), ..]) =>
                {
                    rest = next;
                }
                _ => break,
            }
        }
        if path.len() > 1 {
            self.paths.push(path);
        }
        rest
    }
}

/// What comes after the item whose attribute was read: after its braces or its semicolon.
fn after_item(mut tokens: &[TokenTree]) -> &[TokenTree] {
    while let Some((first, rest)) = tokens.split_first() {
        tokens = rest;
        match first {
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => break,
            token if is_punct(token, ';') => break,
            _ => {}
        }
    }
    tokens
}

/// Whether an attribute is `cfg(test)`, alone or with more, or says that a module is a file elsewhere, which
/// several programs share.
fn is_left_out(attribute: TokenStream) -> bool {
    let words = attribute.to_string();
    let words: String = words.chars().filter(|c| !c.is_whitespace()).collect();
    ["cfg(test)", "cfg(all(test,", "path="].iter().any(|start| words.starts_with(start))
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        let spell = |import: &Import| format!("{} = {}", import.name, import.path.join("::"));
        Source::parse(text).unwrap().imports.iter().map(spell).collect()
    }

    #[test]
    fn every_name_of_a_tree_is_an_import() {
        let text = "pub(crate) use crate::{lane::{self, Lane}, ring as rings, live::*};";
        assert_eq!(
            imports(text),
            [
                "lane = crate::lane",
                "Lane = crate::lane::Lane",
                "rings = crate::ring",
                "* = crate::live::*"
            ]
        );
        let is_export = |text| Source::parse(text).unwrap().imports[0].is_export;
        assert!(
            is_export(text) && is_export("pub use lane::Lane;") && !is_export("use lane::Lane;")
        );
    }

    #[test]
    fn paths_are_seen_in_bodies_and_macros_but_not_in_comments_and_texts() {
        let source = Source::parse(
            "/// [`crate::doc`]\nfn f() -> super::Head { vec![crate::ring::new(\"crate::text\")] } // self::x",
        );
        assert_eq!(source.unwrap().paths, [vec!["super", "Head"], vec!["crate", "ring", "new"]]);
    }

    #[test]
    fn what_only_tests_see_is_left_out() {
        let text = "#[cfg(test)] mod tests; #[cfg(test)] use crate::a; #[cfg(test)] fn f() { crate::b::c() }
            mod kept; #[cfg(test)] mod inline { use crate::d; } mod braces { use crate::e; }";
        let source = Source::parse(text).unwrap();
        assert_eq!(source.children, ["kept"]);
        assert!(source.imports.is_empty() && source.paths.is_empty(), "{source:?}");
        assert_eq!(source.inline[0].0, "braces");
        assert_eq!(source.inline[0].1.imports[0].path, ["crate", "e"]);
    }
}
