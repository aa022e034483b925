//! What a person or a script reads: results on stdout, everything else on stderr.
//!
//! Each line is flushed, so that whoever reads a pipe sees it at once. A reader that went away (`| head`) is nobody's
//! mistake: what can't be written any more is dropped, and a server goes on serving.

use std::fmt::Display;
use std::io::Write as _;

use serde::Serialize;

/// One line, or several, of the result.
pub(crate) fn say(text: impl Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// A result as one JSON document on a line of its own.
pub(crate) fn say_json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => say(text),
        Err(error) => complain(format_args!("the result can't be shown as JSON: {error}")),
    }
}

/// Something to know that is not the result.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The one line of an error.
pub(crate) fn complain(error: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "ringback: {error}");
}
