//! The file of what was not published: to be published again, with the same keys.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// The file for what was read from stdin.
const OF_STDIN: &str = "messages";
/// What its name ends with.
const SUFFIX: &str = ".failed";
/// Names that are tried.
const NAMES: u32 = 1_000;

/// The file, which is made once something fails. It never takes the place of another.
pub(super) struct FailedFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl FailedFile {
    /// The one that was asked for, which must not be there yet; else the input's name with a suffix that is free.
    pub(super) fn plan(asked: Option<&Path>, input: Option<&Path>) -> Outcome<Self> {
        let path = match asked {
            Some(path) if path.exists() => {
                return Err(Failure::usage(format_args!(
                    "--failed: {} is there already, and what is in it would be lost",
                    path.display()
                )));
            }
            Some(path) => path.to_owned(),
            None => free_name(input.unwrap_or(Path::new(OF_STDIN))),
        };
        Ok(Self { path, file: None })
    }

    /// Adds a message.
    pub(super) fn keep(&mut self, message: &[u8]) -> Outcome {
        let path = self.path.clone();
        self.write(message).map_err(|error| unwritable(&path, &error))
    }

    fn write(&mut self, message: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            let file = OpenOptions::new().write(true).create_new(true).open(&self.path)?;
            self.file = Some(BufWriter::new(file));
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(message)?;
        file.write_all(b"\n")
    }

    /// Where everything is that was added, on stable storage; `None` where nothing was.
    pub(super) fn finish(self) -> Outcome<Option<PathBuf>> {
        let Some(file) = self.file else { return Ok(None) };
        let written = file.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all());
        written.map_err(|error| unwritable(&self.path, &error))?;
        Ok(Some(self.path))
    }
}

fn free_name(input: &Path) -> PathBuf {
    let name = |number: u32| {
        let mut name = input.as_os_str().to_owned();
        name.push(SUFFIX);
        if number > 1 {
            name.push(format!(".{number}"));
        }
        PathBuf::from(name)
    };
    (1..NAMES).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(NAMES))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        ExitCode::Store,
        anyhow!("what was not published can't be written to {}: {error}", path.display()),
    )
}
