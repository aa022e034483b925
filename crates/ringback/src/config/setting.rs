//! One setting: its name and how it is given.

/// What stands for an address to listen on.
pub(crate) const ADDRESS_AND_PORT: &str = "ADDRESS:PORT";

/// A setting of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Its name: the key in TOML, and the flag.
    pub(crate) name: &'static str,
    /// How it is given.
    pub(crate) kind: Kind,
    /// What stands for its value in the help.
    pub(crate) value: &'static str,
    /// What it does, and its default.
    pub(crate) help: &'static str,
}

/// How a setting is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value.
    One,
    /// Values: an array in TOML, a repeated flag, commas between them in a variable.
    Many,
    /// True or false; the bare flag is true.
    Switch,
}

impl Setting {
    pub(crate) const fn one(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::One, value, help }
    }

    pub(crate) const fn many(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Many, value, help }
    }

    pub(crate) const fn switch(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Switch, value: "BOOL", help }
    }

    /// Its variable.
    pub(crate) fn variable(&self) -> String {
        format!("{}{}", super::layers::PREFIX, self.name.replace('-', "_").to_ascii_uppercase())
    }
}
