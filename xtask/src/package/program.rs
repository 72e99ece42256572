//! The static program: one file that runs on every Linux of its processor.

use super::Choice;
use crate::command::{read, run};
use crate::install::musl_target;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

/// Builds it, and returns where it is.
pub(super) fn static_program(workspace: &Workspace, profile: &str) -> Result<PathBuf> {
    let target = musl_target();
    let words = ["build", "--package", "tidewire", "--profile", profile, "--target", &target];
    run(&mut workspace.cargo(&words))?;
    Ok(workspace.target.join(&target).join(Choice::folder(profile)).join("tidewire"))
}

/// The same by glibc, in a directory of its own: the flag changes what every crate is built with. What loads libraries
/// while it runs, as glibc does to look names up, needs the same glibc then, so this is not what ships.
pub(super) fn static_by_glibc(workspace: &Workspace, profile: &str) -> Result<PathBuf> {
    let directory = workspace.target.join("crt-static");
    // With a target the flag is for the program alone, and not for what builds it.
    let target = glibc_target();
    let words = ["build", "--package", "tidewire", "--profile", profile, "--target", &target];
    let mut build = workspace.cargo(&words);
    build.arg("--target-dir").arg(&directory).env("RUSTFLAGS", "-C target-feature=+crt-static");
    run(&mut build)?;
    Ok(directory.join(&target).join(Choice::folder(profile)).join("tidewire"))
}

/// What rustc calls this machine with glibc.
fn glibc_target() -> String {
    format!("{}-unknown-linux-gnu", env::consts::ARCH)
}

/// Checks that it needs no library, that it serves, and that it is no larger than promised.
pub(super) fn check(program: &Path) -> Result<()> {
    let headers = read(Command::new("readelf").args(["--program-headers", "--wide"]).arg(program))?;
    ensure!(!headers.contains("INTERP"), "{} needs libraries:\n{headers}", program.display());
    let version = read(Command::new(program).arg("--version"))?;
    check_that_it_serves(program)?;
    let stripped = program.with_extension("stripped");
    run(Command::new("strip").arg("-o").arg(&stripped).arg(program))?;
    let bytes = fs::metadata(&stripped).context("the stripped program")?.len();
    println!("{}: static, {bytes} bytes when it is stripped", version.trim());
    // What is built for trying out is larger.
    let ships = program.parent().is_some_and(|folder| folder.ends_with("dist"));
    ensure!(!ships || bytes <= BYTES_MAX, "{bytes} bytes are more than {BYTES_MAX}");
    Ok(())
}

/// Starts it, and asks it whether it is ready.
fn check_that_it_serves(program: &Path) -> Result<()> {
    let mut serve = Command::new(program);
    serve.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut server = serve.spawn().with_context(|| program.display().to_string())?;
    let asked = ask(program, &mut server);
    server.kill().and_then(|()| server.wait()).context("the server could not be ended")?;
    asked
}

fn ask(program: &Path, server: &mut Child) -> Result<()> {
    let mut line = String::new();
    let output = server.stdout.take().context("no standard output")?;
    BufReader::new(output).read_line(&mut line)?;
    let url = line.trim().strip_prefix("listening on ");
    let url = url.with_context(|| format!("it does not listen, but says {line:?}"))?;
    run(Command::new(program).arg("health").args(["--url", url]))
}

/// What a download of the server may cost, stripped.
const BYTES_MAX: u64 = 15 << 20;
