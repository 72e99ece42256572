//! The modules of one crate, and which imports which.
//!
//! A module imports another one if an import or a path in it leads to something that is defined there,
//! whatever re-exports it on the way. What a module only exports of its own descendants it does not import.

use super::source::Source;
use anyhow::{Context as _, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of a crate by their paths, that of the root being empty.
#[derive(Debug, Default)]
pub(super) struct Modules {
    modules: BTreeMap<Name, Module>,
}

/// The names on the way from the root to a module.
type Name = Vec<String>;

/// The name of a module, and of one that it imports.
pub(super) type Import = (String, String);

#[derive(Debug)]
struct Module {
    source: Source,
    /// The module whose file it is in: itself, unless it is between braces.
    home: Name,
    children: BTreeSet<String>,
}

impl Modules {
    /// Reads the files of the crate whose root is `file`.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is no Rust.
    pub(super) fn load(file: &Path) -> Result<Self> {
        let mut modules = Self::default();
        let folder = file.parent().unwrap_or(file).to_owned();
        modules.load_file(file, &folder, Name::new())?;
        Ok(modules)
    }

    /// As [`Self::load`], and the modules `mod name;` of `file` lie in `folder`.
    fn load_file(&mut self, file: &Path, folder: &Path, name: Name) -> Result<()> {
        let text =
            fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let source = Source::parse(&text).with_context(|| format!("reading {}", file.display()))?;
        for (child, folder) in self.add(name.clone(), &name, source, folder) {
            let last = child.last().cloned().unwrap_or_default();
            let file = folder.join(format!("{last}.rs"));
            self.load_file(&file, &folder.join(&last), child)?;
        }
        Ok(())
    }

    /// Adds a module and those between braces in it; returns those that have files, and their folders.
    fn add(
        &mut self,
        name: Name,
        home: &Name,
        mut source: Source,
        folder: &Path,
    ) -> Vec<(Name, PathBuf)> {
        let child = |last: &String| [name.as_slice(), std::slice::from_ref(last)].concat();
        let mut files: Vec<(Name, PathBuf)> =
            source.children.iter().map(|last| (child(last), folder.to_owned())).collect();
        let mut children: BTreeSet<String> = source.children.iter().cloned().collect();
        for (last, inner) in std::mem::take(&mut source.inline) {
            files.extend(self.add(child(&last), home, inner, &folder.join(&last)));
            children.insert(last);
        }
        self.modules.insert(name, Module { source, home: home.clone(), children });
        files
    }

    /// The modules that read a clock, by their names.
    pub(super) fn reading_clocks(&self) -> BTreeSet<String> {
        let reads = |path: &Vec<String>| {
            CLOCKS.iter().any(|clock| path.windows(2).any(|pair| pair == clock.as_slice()))
        };
        let reading = self.modules.values().filter(|Module { source, .. }| {
            let imports = source.imports.iter().map(|import| &import.path);
            imports.chain(&source.paths).any(reads) || source.members.contains("elapsed")
        });
        reading.map(|module| spell(&module.home)).collect()
    }

    /// Which module imports which of its siblings, each together with its descendants: pairs such as
    /// `reader::walk` and `reader::gather`. A module and its own descendants are one thing seen from outside, and may
    /// import each other.
    pub(super) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (name, module) in &self.modules {
            for target in self.targets(name, module) {
                let home = self.modules.get(&target).map_or(&target, |target| &target.home);
                imports.extend(between_siblings(&module.home, home));
            }
        }
        imports
    }

    /// Where the imports and paths of one module lead.
    fn targets(&self, name: &Name, module: &Module) -> Vec<Name> {
        let imports = module.source.imports.iter().filter_map(|import| {
            let target = self.resolve(name, &import.path, DEPTH_MAX)?;
            (!import.is_export || !target.starts_with(name)).then_some(target)
        });
        let paths = module.source.paths.iter().filter(|path| {
            path.first().is_some_and(|first| {
                ["crate", "self", "super"].contains(&first.as_str())
                    || module.children.contains(first)
            })
        });
        imports.chain(paths.filter_map(|path| self.resolve(name, path, DEPTH_MAX))).collect()
    }

    /// The module in which the thing is defined that `path` names in the module `from`; `None` if that is
    /// another crate's.
    fn resolve(&self, from: &Name, path: &[String], depth: usize) -> Option<Name> {
        let depth = depth.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let (mut at, mut rest) = match first.as_str() {
            "crate" => (Name::new(), rest),
            "self" => (from.clone(), rest),
            "super" => (parent(from)?, rest),
            _ if self.modules.get(from)?.children.contains(first) => (from.clone(), path),
            _ => (self.resolve_import(from, first, depth)?, rest),
        };
        while let Some((next, after)) = rest.split_first() {
            let module = self.modules.get(&at)?;
            if next == "super" {
                at = parent(&at)?;
            } else if module.children.contains(next) {
                at.push(next.clone());
            } else {
                // A thing of this module, or one that it has from elsewhere.
                return Some(self.resolve_import(&at, next, depth).unwrap_or(at));
            }
            rest = after;
        }
        Some(at)
    }

    /// Where that is defined which the module `at` imports as `name`.
    fn resolve_import(&self, at: &Name, name: &str, depth: usize) -> Option<Name> {
        let imports = &self.modules.get(at)?.source.imports;
        let import = imports.iter().find(|import| import.name == name && name != "*")?;
        self.resolve(at, &import.path, depth)
    }
}

/// The first two on the ways to two modules that differ; `None` if one module is on the way to the other.
fn between_siblings(from: &Name, to: &Name) -> Option<Import> {
    let same = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    Some((spell(from.get(..=same)?), spell(to.get(..=same)?)))
}

fn parent(name: &Name) -> Option<Name> {
    name.split_last().map(|(_, before)| before.to_vec())
}

/// `reader::walk`; the root is `crate`.
fn spell(name: &[String]) -> String {
    if name.is_empty() { "crate".to_owned() } else { name.join("::") }
}

/// What reads the time, and what waits for it.
const CLOCKS: [[&str; 2]; 5] = [
    ["Instant", "now"],
    ["SystemTime", "now"],
    ["UNIX_EPOCH", "elapsed"],
    ["tokio", "time"],
    ["thread", "sleep"],
];

/// Over how many re-exports a path is followed.
const DEPTH_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of these files in a folder of its own.
    fn load(test: &str, files: &[(&str, &str)]) -> Modules {
        let folder = std::env::temp_dir().join(format!("xtask-{test}-{}", std::process::id()));
        for (name, text) in files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let modules = Modules::load(&folder.join("lib.rs")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        modules
    }

    fn imports(test: &str, files: &[(&str, &str)]) -> Vec<String> {
        let imports = load(test, files).imports();
        imports.iter().map(|(from, to)| format!("{from} → {to}")).collect()
    }

    #[test]
    fn an_import_leads_through_exports_to_where_the_thing_is_defined() {
        let files = [
            ("lib.rs", "mod ring; mod lane; mod news; pub use ring::{Ring, slot::Slot};"),
            ("ring.rs", "pub mod slot; pub struct Ring;"),
            ("ring/slot.rs", "pub struct Slot;"),
            ("lane.rs", "use crate::Slot; pub use crate::Ring as Circle;"),
            ("news.rs", "fn f() { crate::lane::Circle; super::lane::start() }"),
        ];
        assert_eq!(imports("exports", &files), ["lane → ring", "news → lane", "news → ring"]);
    }

    #[test]
    fn descendants_count_as_the_sibling_that_they_are_in() {
        let files = [
            ("lib.rs", "mod reader; mod news;"),
            ("reader.rs", "mod walk; mod back; use walk::Walk; struct Reader;"),
            ("reader/walk.rs", "use super::{Reader, back::Back}; use crate::news::News;"),
            ("reader/back.rs", "mod inner { use crate::reader::walk::Walk; }"),
            ("news.rs", "use crate::reader::walk::Walk; #[cfg(test)] mod tests;"),
        ];
        assert_eq!(
            imports("siblings", &files),
            [
                "news → reader",
                "reader → news",
                "reader::back → reader::walk",
                "reader::walk → reader::back"
            ]
        );
    }

    #[test]
    fn a_clock_is_seen_however_it_is_read() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "fn f() { std::time::Instant::now() }"),
            ("b.rs", "use tokio::time::{self, sleep};"),
            ("c.rs", "fn f(opened: Instant) { opened.elapsed() }"),
            ("d.rs", "// Instant::now()\nfn f(now: Instant) { later(now) }"),
        ];
        assert_eq!(
            load("clocks", &files).reading_clocks(),
            ["a", "b", "c"].map(str::to_owned).into()
        );
    }
}
