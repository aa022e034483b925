//! `ringback completions`: what a shell needs.

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::args::completions::CompletionsArgs;
use crate::failure::Outcome;
use crate::output;

pub(super) fn run(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ringback", &mut script);
    output::say(String::from_utf8_lossy(&script).trim_end())
}
