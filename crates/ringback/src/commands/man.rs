//! `ringback man`: the manual.

use anyhow::anyhow;
use clap::CommandFactory as _;

use crate::args::Cli;
use crate::args::man::ManArgs;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::output;

pub(super) fn run(args: &ManArgs) -> Outcome {
    let folder = &args.folder;
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(|error| {
        Failure::new(ExitCode::Store, anyhow!("{} can't be written: {error}", folder.display()))
    })?;
    output::note(format_args!("the manual is in {}", folder.display()));
    Ok(())
}
