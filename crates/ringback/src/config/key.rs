//! The sealing key, where it is given: the variable, a file, or a command. Never an argument, never in the configuration.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringback_store::{KeyError, KeySource, SealingKey};
use zeroize::Zeroizing;

use crate::failure::{Failure, Outcome};
use crate::private_file;

/// Holds the sealing key.
const VARIABLE: &str = "RINGBACK_KEY";

/// Holds the key that a rotation leads to.
pub(crate) const NEW_KEY: &str = "RINGBACK_NEW_KEY";

/// For the command that prints the key.
const COMMAND_PATIENCE: Duration = Duration::from_secs(30);

/// Where the key is looked for, besides the variable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// A file that holds it.
    pub(crate) file: Option<PathBuf>,
    /// A shell command that prints it.
    pub(crate) command: Option<String>,
}

impl Place {
    /// Where the key comes from: the one of variable, file and command that there is, or else the file beside the
    /// database.
    pub(crate) async fn find(&self) -> Outcome<KeySource> {
        self.find_beside(VARIABLE).await
    }

    /// The same with another variable.
    pub(crate) async fn find_beside(&self, name: &str) -> Outcome<KeySource> {
        let variable = match std::env::var(name).map(Zeroizing::new) {
            Ok(text) => Some(text),
            Err(std::env::VarError::NotPresent) => None,
            Err(std::env::VarError::NotUnicode(_)) => return Err(malformed(name)),
        };
        match (variable, &self.file, &self.command) {
            (None, None, None) => Ok(KeySource::Beside),
            (Some(text), None, None) => parse(&text, name).map(KeySource::Given),
            (None, Some(path), None) => {
                let text = private_file::read(path).map_err(Failure::configuration)?.ok_or_else(|| {
                    Failure::configuration(format_args!("the key file {} is missing", path.display()))
                })?;
                parse(&text, &path.display().to_string()).map(KeySource::Given)
            }
            (None, None, Some(command)) => {
                let text = printed_by(command)
                    .await
                    .map_err(|why| Failure::configuration(format_args!("key-command: {why}")))?;
                parse(&text, "what key-command printed").map(KeySource::Given)
            }
            _ => Err(Failure::configuration(format_args!(
                "the key is given twice: keep one of {name}, a key file and a key command"
            ))),
        }
    }

    /// Whether it is elsewhere than beside the database.
    pub(crate) fn is_given(&self) -> bool {
        self.file.is_some() || self.command.is_some() || std::env::var_os(VARIABLE).is_some()
    }

    /// What `--print-config` says where no key file is given.
    pub(super) fn otherwise(&self) -> &'static str {
        match (std::env::var_os(VARIABLE), &self.command) {
            (Some(_), _) => "RINGBACK_KEY gives the key (hidden)",
            (None, Some(_)) => "a command gives the key",
            (None, None) => "the key is in the file beside the database",
        }
    }
}

/// The key that a server made beside this database, as a given one.
pub(crate) fn beside(database: &Path) -> Place {
    let mut file = database.as_os_str().to_owned();
    file.push(".key");
    Place { file: Some(file.into()), command: None }
}

/// The key that has to be given.
pub(super) fn given(source: KeySource) -> Outcome<SealingKey> {
    match source {
        KeySource::Given(key) => Ok(key),
        KeySource::Beside => Err(Failure::configuration(
            "with PostgreSQL the sealing key must be given, the same to every node: with --key-file, RINGBACK_KEY or \
             key-command; a new one is made by: openssl rand -hex 32",
        )),
    }
}

async fn printed_by(command: &str) -> Result<Zeroizing<String>, String> {
    let running = tokio::process::Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(COMMAND_PATIENCE, running)
        .await
        .map_err(|_| format!("it did not end within {COMMAND_PATIENCE:?}"))?
        .map_err(|error| format!("it can't be run: {error}"))?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    let text = std::str::from_utf8(&printed).map_err(|_| "it printed no text".to_owned())?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// 64 hexadecimal digits, or base64 of 32 bytes.
fn parse(text: &str, place: &str) -> Outcome<SealingKey> {
    if let Ok(key) = SealingKey::from_hex(text) {
        return Ok(key);
    }
    let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).map_err(|_| malformed(place))?;
    let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| malformed(place))?;
    Ok(SealingKey::from_bytes(bytes))
}

fn malformed(place: &str) -> Failure {
    Failure::configuration(format_args!("{place}: {}", KeyError::Malformed))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_is_read_as_hex_and_as_base64() {
        let hex = parse(&format!("{}\n", "ab".repeat(32)), "here").unwrap();
        let base64 = parse(&STANDARD.encode([0xab; 32]), "here").unwrap();
        assert!(hex == base64);
    }

    #[test]
    fn a_malformed_key_is_refused_without_being_shown() {
        let error = parse("hunter2", "RINGBACK_KEY").unwrap_err().to_string();
        assert!(error.contains("RINGBACK_KEY") && !error.contains("hunter2"), "{error}");
    }

    #[tokio::test]
    async fn a_command_gives_the_key_or_says_why_not() {
        let place = |command: &str| Place { file: None, command: Some(command.to_owned()) };
        let hex = "ab".repeat(32);
        let source = place(&format!("printf %s {hex}")).find().await.unwrap();
        assert!(given(source).unwrap() == SealingKey::from_hex(&hex).unwrap());
        let error = place("echo hunter2; exit 3").find().await.unwrap_err().to_string();
        assert!(
            error.contains("key-command") && error.contains('3') && !error.contains("hunter2"),
            "{error}"
        );
        let error = place("echo hunter2").find().await.unwrap_err().to_string();
        assert!(error.contains("key-command") && !error.contains("hunter2"), "{error}");
    }
}
