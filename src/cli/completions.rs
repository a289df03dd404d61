//! `grantlint completions SHELL`: a script for the shell, from the same model as `--help`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::args::Cli;
use super::failure::Failure;
use super::output;

/// `completions`.
#[derive(Debug, Args)]
#[command(after_help = WHERE)]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub(super) shell: Shell,
}

const WHERE: &str = "\
Where it goes:
  bash  grantlint completions bash > ~/.local/share/bash-completion/completions/grantlint
  zsh   grantlint completions zsh > DIR/_grantlint, with DIR in $fpath
  fish  grantlint completions fish > ~/.config/fish/completions/grantlint.fish";

pub(super) fn run(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "grantlint", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
