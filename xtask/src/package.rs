//! `cargo xtask package`: what people install, made and tried. The static program, the Debian package, the image of a
//! container, the manifests for Kubernetes.
//!
//! By night and by hand: each of them builds the server once more, as it ships.

mod deb;
mod image;
mod kubernetes;
mod program;

use crate::command::read;
use crate::install::{self, Need};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::ffi::OsStr;
use std::process::Command;

/// What the whole command needs beyond Rust.
pub(crate) const NEEDS: [Need; 5] =
    [Need::Musl, Need::CargoDeb, Need::Buildah, Need::KubernetesValidate, Need::Python];

/// Makes and tries what the arguments name, or everything.
///
/// # Errors
///
/// Something cannot be made, or does not do what it should.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let choice = Choice::parse(arguments)?;
    for part in &choice.parts {
        install::require(workspace, part.needs())?;
        println!("\n--- {}", part.name());
        match part {
            Part::Program => program::check(&program::static_program(workspace, &choice.profile)?)?,
            Part::Glibc => program::check(&program::static_by_glibc(workspace, &choice.profile)?)?,
            Part::Deb => deb::check(workspace, &choice.profile, choice.place)?,
            Part::Image => image::check(workspace, &choice.profile)?,
            Part::Kubernetes => kubernetes::check(workspace)?,
        }
    }
    Ok(())
}

/// One thing to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Program,
    /// The same by glibc. Nothing ships of it.
    Glibc,
    Deb,
    Image,
    Kubernetes,
}

/// Where the Debian package is installed to try it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A copy of this system, which is thrown away.
    Copy,
    /// This system: for a machine that exists for one run, and has systemd as its first process.
    Here,
}

#[derive(Debug, PartialEq, Eq)]
struct Choice {
    parts: Vec<Part>,
    /// How cargo builds the server.
    profile: String,
    place: Place,
}

impl Part {
    const ALL: [Self; 5] = [Self::Program, Self::Glibc, Self::Deb, Self::Image, Self::Kubernetes];

    const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Glibc => "glibc",
            Self::Deb => "deb",
            Self::Image => "image",
            Self::Kubernetes => "kubernetes",
        }
    }

    const fn needs(self) -> &'static [Need] {
        match self {
            Self::Program | Self::Glibc => &[Need::Musl],
            Self::Deb => &[Need::CargoDeb],
            Self::Image => &[Need::Musl, Need::Buildah],
            Self::Kubernetes => &[Need::Python, Need::KubernetesValidate],
        }
    }
}

impl Choice {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut choice = Self { parts: Vec::new(), profile: "dist".to_owned(), place: Place::Copy };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match (word.as_str(), Part::ALL.into_iter().find(|part| part.name() == word)) {
                (_, Some(part)) => choice.parts.push(part),
                ("--here", None) => choice.place = Place::Here,
                ("--profile", None) => match words.next() {
                    Some(profile) => choice.profile = profile.clone(),
                    None => bail!("`--profile` wants a name, such as dist"),
                },
                _ => bail!(
                    "`package` knows program, glibc, deb, image, kubernetes, --profile and --here, not `{word}`"
                ),
            }
        }
        if choice.parts.is_empty() {
            choice.parts = Part::ALL.to_vec();
        }
        Ok(choice)
    }

    /// The folder in which cargo puts what it builds in a profile.
    fn folder(profile: &str) -> &str {
        match profile {
            "dev" => "debug",
            other => other,
        }
    }
}

/// A command that root runs: to install a package and to make a container takes that.
fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    if read(Command::new("id").arg("-u"))?.trim() == "0" {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Choice> {
        Choice::parse(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn without_arguments_everything_is_made_as_it_ships() {
        let choice = parse(&[]).unwrap();
        assert_eq!((choice.parts, &*choice.profile), (Part::ALL.to_vec(), "dist"));
        assert_eq!(choice.place, Place::Copy);
    }

    #[test]
    fn parts_a_profile_and_a_place_can_be_chosen() {
        let choice = parse(&["deb", "--here", "--profile", "dev"]).unwrap();
        let expected = Choice { parts: vec![Part::Deb], profile: "dev".into(), place: Place::Here };
        assert_eq!(choice, expected);
        assert_eq!((Choice::folder("dev"), Choice::folder("dist")), ("debug", "dist"));
        assert!(parse(&["rpm"]).unwrap_err().to_string().ends_with("not `rpm`"));
        assert!(parse(&["--profile"]).is_err());
    }

    #[test]
    fn what_each_part_needs_is_installed_by_night() {
        for part in Part::ALL {
            assert!(part.needs().iter().all(|need| NEEDS.contains(need)), "{}", part.name());
        }
    }
}
