//! `cargo xtask no-std`: the codecs need neither std nor any other crate.
//!
//! The source must say so, the dependency tree must be empty, and two programs must build:
//! `xtask/no-std`, which uses both without std, and `xtask/no-alloc`, which uses `ws-frame` without an
//! allocator. Where rustup has a target without std, they are built for it too.

use crate::arguments;
use crate::command::{self, read};
use crate::workspace::{CODECS, Workspace};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::process::Command;

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    arguments::refuse(arguments)?;
    for name in CODECS {
        let package = workspace.package(name).with_context(|| format!("no crate {name}"))?;
        let source = fs::read_to_string(package.folder().join("src/lib.rs"))?;
        if !declares_no_std(&source) {
            bail!("{name}: src/lib.rs does not say `no_std`");
        }
        let words = ["tree", "--package", name, "--no-default-features", "--edges", "normal,build"];
        let tree = read(workspace.cargo(&words).args(["--prefix", "none"]))?;
        if tree.lines().count() != 1 {
            bail!("{name}: imports other crates without being asked to:\n{tree}");
        }
    }
    let target = installed_target();
    for (manifest, refusal) in PROGRAMS {
        let mut build = workspace.cargo(&["build", "--manifest-path", manifest]);
        build.arg("--target-dir").arg(workspace.target.join("no-std"));
        command::run(&mut build).context(refusal)?;
        if let Some(target) = &target {
            command::run(build.args(["--target", target])).context(refusal)?;
        }
    }
    let place = target.map_or_else(String::new, |target| format!(", here and for {target}"));
    println!(
        "{} build without std, ws-frame without an allocator too{place}",
        CODECS.join(" and ")
    );
    Ok(())
}

/// The programs that prove it, and what it means if one of them does not build.
const PROGRAMS: [(&str, &str); 2] = [
    ("xtask/no-std/Cargo.toml", "a codec does not build without std"),
    ("xtask/no-alloc/Cargo.toml", "ws-frame does not build without an allocator"),
];

/// A target of the installed toolchain that comes without std.
fn installed_target() -> Option<String> {
    let listed = read(Command::new("rustup").args(["target", "list", "--installed"])).ok()?;
    listed.lines().find(|target| target.contains("-none")).map(str::to_owned)
}

/// Whether a crate root carries `no_std`, with a condition such as `not(test)` or without.
fn declares_no_std(source: &str) -> bool {
    source.lines().any(|line| line.starts_with("#![") && line.contains("no_std"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_std_counts_with_or_without_a_condition() {
        assert!(declares_no_std("//! A codec.\n\n#![no_std]\n"));
        assert!(declares_no_std("#![cfg_attr(not(feature = \"std\"), no_std)]\n"));
    }

    #[test]
    fn no_std_in_words_alone_does_not_count() {
        assert!(!declares_no_std("//! A codec, `no_std`.\n// #![no_std]\n"));
    }
}
