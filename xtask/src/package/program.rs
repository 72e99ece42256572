//! The static program: one file that runs on every Linux of its processor.

use super::Choice;
use crate::command::{read, run};
use crate::install::musl_target;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds it, and returns where it is.
pub(super) fn static_program(workspace: &Workspace, profile: &str) -> Result<PathBuf> {
    let target = musl_target();
    let words = ["build", "--package", "tidewire", "--profile", profile, "--target", &target];
    run(&mut workspace.cargo(&words))?;
    Ok(workspace.target.join(&target).join(Choice::folder(profile)).join("tidewire"))
}

/// Checks that it needs no library, that it runs, and that it is no larger than promised.
pub(super) fn check(program: &Path) -> Result<()> {
    let headers = read(Command::new("readelf").args(["--program-headers", "--wide"]).arg(program))?;
    ensure!(!headers.contains("INTERP"), "{} needs libraries:\n{headers}", program.display());
    let version = read(Command::new(program).arg("--version"))?;
    let stripped = program.with_extension("stripped");
    run(Command::new("strip").arg("-o").arg(&stripped).arg(program))?;
    let bytes = fs::metadata(&stripped).context("the stripped program")?.len();
    println!("{}: static, {bytes} bytes when it is stripped", version.trim());
    // What is built for trying out is larger.
    let ships = program.parent().is_some_and(|folder| folder.ends_with("dist"));
    ensure!(!ships || bytes <= BYTES_MAX, "{bytes} bytes are more than {BYTES_MAX}");
    Ok(())
}

/// What a download of the server may cost, stripped.
const BYTES_MAX: u64 = 15 << 20;
