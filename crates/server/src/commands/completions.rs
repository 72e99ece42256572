//! `tidewire completions` and `tidewire man`: what a shell and a manual say of the commands, from the
//! definitions that read them.

use anyhow::{Context as _, Result};
use clap::Command;
use clap_complete::Shell;
use std::io::{self, Write as _};

/// Print a script that makes a shell complete this program's arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the script of `program` for the shell.
    pub fn run(self, mut program: Command) {
        let mut script = Vec::new();
        let name = program.get_name().to_owned();
        clap_complete::generate(self.shell, &mut program, name, &mut script);
        print(&script);
    }
}

/// Print a manual page.
#[derive(Debug, clap::Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct Man {
    /// The command; without one, the page of the whole program.
    command: Option<String>,
}

impl Man {
    /// Prints the page of `program` or of one of its commands.
    ///
    /// # Errors
    ///
    /// There is no such command.
    pub fn run(self, mut program: Command) -> Result<()> {
        // Gives commands their full names.
        program.build();
        let page = match &self.command {
            None => program,
            Some(name) => {
                let found = program.find_subcommand(name).cloned();
                let names = program.get_subcommands().map(Command::get_name);
                let names = names.collect::<Vec<_>>().join(", ");
                let command = found
                    .with_context(|| format!("unknown command {name}; the commands are {names}"))?;
                let full_name = format!("{}-{name}", program.get_name());
                command.display_name(full_name)
            }
        };
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text)?;
        print(&text);
        Ok(())
    }
}

fn print(text: &[u8]) {
    // An error means that standard output is closed: nobody reads the rest.
    let _ = io::stdout().write_all(text);
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  source <(tidewire completions bash)
  tidewire completions zsh > ~/.zfunc/_tidewire
  tidewire completions fish > ~/.config/fish/completions/tidewire.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  tidewire man publish | man -l -
  tidewire man > /usr/local/share/man/man1/tidewire.1";
