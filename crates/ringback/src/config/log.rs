//! What is logged, and how.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::Outcome;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "log",
        "FILTER",
        "What is logged, such as debug or info,ringback_server::send=debug; of libraries, warnings at most [default: info]",
    ),
    Setting::one(
        "log-format",
        "auto|text|json",
        "How it is logged: text on a terminal and JSON elsewhere, or always one of them [default: auto]",
    ),
];

/// What is logged, and how.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// Directives as `tracing_subscriber::EnvFilter` has them; they have been checked.
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

/// How it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// Text.
    Text,
    /// A JSON document on each line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Auto }
    }
}

impl Log {
    /// Warnings and errors only, for a command whose own words matter more.
    pub(crate) fn quiet() -> Self {
        Self { filter: "warn".to_owned(), format: LogFormat::Text }
    }

    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let default = Self::default();
        Ok(Self {
            filter: layers.one("log")?.map_or(default.filter, |Directives(text)| text),
            format: layers.one("log-format")?.unwrap_or(default.format),
        })
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        shown.put("log", self.filter.as_str());
        shown.put("log-format", self.format.as_str());
    }
}

impl LogFormat {
    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Auto, Self::Text, Self::Json]
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or("it is one of auto, text, json")
    }
}

struct Directives(String);

impl FromStr for Directives {
    type Err = tracing_subscriber::filter::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EnvFilter::try_new(text).map(|_| Self(text.to_owned()))
    }
}
