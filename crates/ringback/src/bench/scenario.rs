//! The scenarios, by name.

use clap::ValueEnum;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Scenario {
    /// Cold start to ready; the program's size; memory at rest
    Start,
    /// Saturation with single-message publishes, 64 at once
    #[value(name = "single-64")]
    Single64,
    /// Saturation with single-message publishes, 256 at once
    #[value(name = "single-256")]
    Single256,
    /// Saturation with NDJSON batches
    Batches,
    /// 100 messages/s, whether they are answered or not
    #[value(name = "pace-100")]
    Pace100,
    /// 500 messages/s, and the first seconds after the start
    #[value(name = "pace-500")]
    Pace500,
    /// 2,000 messages/s
    #[value(name = "pace-2000")]
    Pace2000,
    /// 5,000 messages/s
    #[value(name = "pace-5000")]
    Pace5000,
    /// Batches over 10,000 accounts with one receiving authority
    #[value(name = "accounts-10k")]
    Accounts10k,
    /// Batches over 10,000 accounts with 1,000 receiving authorities
    #[value(name = "accounts-10k-1000-authorities")]
    Accounts10kAuthorities,
    /// Batches over 1,000,000 accounts with one receiving authority
    #[value(name = "accounts-1m")]
    Accounts1m,
    /// Batches over 1,000,000 accounts with 1,000 receiving authorities
    #[value(name = "accounts-1m-1000-authorities")]
    Accounts1mAuthorities,
    /// Good endpoints at 400 messages/s with a dead, a hanging and a slow one among twelve
    Trouble,
    /// A start with 1,000,000 messages pending
    Backlog,
    /// Registering and listing among 1,000,000 registered accounts
    Registered,
}

impl Scenario {
    /// Its name, as it is typed.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What it is, for a person.
    pub(super) fn what(self) -> String {
        self.to_possible_value()
            .and_then(|value| value.get_help().map(ToString::to_string))
            .unwrap_or_default()
    }
}
