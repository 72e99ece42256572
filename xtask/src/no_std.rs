//! `cargo xtask no-std`: the codecs need neither std nor any other crate.
//!
//! The source must say so, the dependency tree must be empty, and `xtask/no-std`, a program without
//! std that uses both, must build. Where rustup has a target without std, they are built for it too.

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
    let mut build = workspace.cargo(&["build", "--manifest-path", "xtask/no-std/Cargo.toml"]);
    build.arg("--target-dir").arg(workspace.target.join("no-std"));
    command::run(&mut build).context("a codec does not build without std")?;
    match installed_target() {
        Some(target) => {
            command::run(build.args(["--target", &target]))?;
            println!("{} build without std, here and for {target}", CODECS.join(" and "));
        }
        None => println!("{} build without std", CODECS.join(" and ")),
    }
    Ok(())
}

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
