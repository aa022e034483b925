//! What a person or a script reads: results on stdout, everything else on stderr.
//!
//! Each line is flushed, so that whoever reads a pipe sees it at once. A reader that went away (`| head`) is nobody's
//! mistake: what can't be written any more is dropped. Any other result that can't be written is a failure, for whoever
//! reads it would take what is missing for what is not there.

use std::fmt::Display;
use std::io::{self, Write as _};

use anyhow::anyhow;
use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// One line, or several, of the result.
pub(crate) fn say(text: impl Display) -> Outcome {
    unless_nobody_reads(print(text))
}

/// A result as one JSON document on a line of its own.
pub(crate) fn say_json(value: &impl Serialize) -> Outcome {
    unless_nobody_reads(print_json(value))
}

/// The same as [`say`], for who has to know that it was not read.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// The same as [`say_json`], for who has to know that it was not read.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(serde_json::to_string(value)?)
}

/// What an attempt to print comes to for the command.
pub(crate) fn unless_nobody_reads(printed: io::Result<()>) -> Outcome {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(ExitCode::Store, anyhow!("the result can't be written to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Something to know that is not the result.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The one line of an error.
pub(crate) fn complain(error: impl Display) {
    let _ = writeln!(io::stderr().lock(), "ringback: {error}");
}
