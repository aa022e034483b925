//! Why a command did not do what it should: one line for a person, and an exit code for a script.
//!
//! Libraries' errors become a [`Failure`] here, and only here, so that the same thing has the same code in every command.
//! What has no conversion is [`ExitCode::Internal`] and comes by way of `anyhow`, with a context.

use std::fmt;

use ringback_client::{AuthenticationError, BuildError};
use ringback_server::credentials::CredentialError;
use ringback_store::{KeyError, OpenError, StoreError};

use crate::exit_code::ExitCode;
use crate::{target, unconnected};

/// What a command gives back.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// A command's error.
#[derive(Debug)]
pub(crate) struct Failure {
    code: ExitCode,
    error: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: error.into() }
    }

    /// The configuration is wrong; the sentence says what, and what would be right.
    pub(crate) fn configuration(sentence: impl fmt::Display) -> Self {
        Self::new(ExitCode::Configuration, anyhow::anyhow!("{sentence}"))
    }

    /// The command line is wrong in a way that clap can't see.
    pub(crate) fn usage(sentence: impl fmt::Display) -> Self {
        Self::new(ExitCode::Usage, anyhow::anyhow!("{sentence}"))
    }

    /// The same, and what to do about it.
    #[must_use]
    pub(crate) fn and(self, advice: impl fmt::Display) -> Self {
        let error = anyhow::anyhow!("{self}; {advice}");
        Self { error, ..self }
    }

    pub(crate) fn code(&self) -> ExitCode {
        self.code
    }
}

/// The first of two outcomes that failed, with what the second one adds to it.
pub(crate) fn both(first: Outcome, second: Outcome) -> Outcome {
    match (first, second) {
        (Err(first), Err(second)) => Err(first.and(second)),
        (first, second) => first.and(second),
    }
}

/// One line, whatever the causes contain. Many errors say their cause themselves; it is said once.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            if text.is_empty() {
                text = cause;
            } else if !text.contains(&cause) {
                text.push_str(": ");
                text.push_str(&cause);
            }
        }
        for (at, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(line)?;
        }
        Ok(())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(ExitCode::Internal, error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let code = match &error {
            OpenError::Key(_) | OpenError::Url(_) => ExitCode::Configuration,
            OpenError::Unreachable { .. } => ExitCode::Unreachable,
            _ => ExitCode::Store,
        };
        Self::new(code, error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(ExitCode::Store, error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let code = match &error {
            KeyError::Random(_) => ExitCode::Internal,
            _ => ExitCode::Configuration,
        };
        Self::new(code, error)
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Store(error) => error.into(),
            CredentialError::Random(error) => error.into(),
            CredentialError::Hash => Self::new(ExitCode::Internal, error),
            CredentialError::Invalid(_) => Self::new(ExitCode::Usage, error),
            CredentialError::Taken | CredentialError::Unknown => Self::new(ExitCode::Refused, error),
        }
    }
}

impl From<ringback_client::Error> for Failure {
    fn from(error: ringback_client::Error) -> Self {
        use ringback_client::Error;
        if matches!(error, Error::Authentication(AuthenticationError::NoSession)) {
            let sentence =
                "this needs a session: give RINGBACK_USERNAME and RINGBACK_PASSWORD, or a profile with both";
            return Self::new(ExitCode::Configuration, anyhow::anyhow!(sentence));
        }
        let code = match &error {
            Error::InvalidArgument(_) => ExitCode::Usage,
            Error::Authentication(error) => authentication(error),
            Error::BadRequest { .. } | Error::Status { result: Some(_), .. } => ExitCode::Refused,
            // No answer, or one that is not of this API.
            _ => ExitCode::Unreachable,
        };
        let error = anyhow::Error::new(error);
        let guess = unconnected::guess(&error);
        let failure = match target::server_of_this_process() {
            Some(server) if code == ExitCode::Unreachable => Self::new(code, error.context(server)),
            _ => Self::new(code, error),
        };
        match guess {
            Some(guess) => failure.and(guess),
            None => failure,
        }
    }
}

/// A refusal in another form than this API's is of no server of its kind.
fn authentication(error: &AuthenticationError) -> ExitCode {
    match error {
        AuthenticationError::TokenRefused { error: None, .. }
        | AuthenticationError::LoginRefused { result: None, .. }
        | AuthenticationError::Unauthorized { result: None, .. }
        | AuthenticationError::UnusableToken { .. } => ExitCode::Unreachable,
        _ => ExitCode::Authentication,
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let code = match &error {
            BuildError::Tls(_) | BuildError::HttpClient(_) | BuildError::Runtime(_) => ExitCode::Internal,
            _ => ExitCode::Configuration,
        };
        Self::new(code, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_with_its_causes() {
        let error = anyhow::anyhow!("first\n   second\n").context("doing it");
        let failure = Failure::new(ExitCode::Configuration, error);
        assert_eq!(failure.to_string(), "doing it: first second");
        assert_eq!(failure.code(), ExitCode::Configuration);
    }

    #[test]
    fn a_cause_that_was_said_already_is_not_said_again() {
        let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
        let said = format!("x can't be written: {cause}");
        let failure = Failure::new(ExitCode::Store, anyhow::Error::new(cause).context(said.clone()));
        assert_eq!(failure.to_string(), said);
    }
}
