//! What the program's exit code says. Scripts may rely on it: a code never changes its meaning.

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// Everything that was asked for is done.
    Ok = 0,
    /// Something went wrong that should not: a fault of Ringback's, or of the system under it.
    Internal = 1,
    /// The command line is wrong. (clap uses the same code.)
    Usage = 2,
    /// The configuration is wrong: a file, a variable, a profile, a key; or something is missing in it.
    Configuration = 3,
    /// The server does not know the client, its user or their tokens.
    Authentication = 4,
    /// The server understood and refused.
    Refused = 5,
    /// No server answered, or what answered is none.
    Unreachable = 6,
    /// The address to listen on is taken.
    PortTaken = 7,
    /// The store, or another file that is to be written (stdout too), can't be written, or another server uses it.
    Store = 8,
    /// Some of it is done and some is not, or a check found something.
    Partly = 9,
    /// A second signal ended the program before it had stopped in order.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
