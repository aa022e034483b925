//! What is given: the TOML file, over it the environment, over that the flags.
//!
//! Nothing that is given is overlooked: a name that is no setting is refused, wherever it stands.

use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::AddrParseError;
use std::num::{IntErrorKind, ParseIntError};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::anyhow;

use super::SETTINGS;
use super::flags::SettingFlags;
use super::setting::{ADDRESS_AND_PORT, Kind, Setting};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// What every variable of the server begins with.
pub(crate) const PREFIX: &str = "RINGBACK_SERVER_";
/// Names the TOML file, where no flag does.
pub(crate) const CONFIG_VARIABLE: &str = "RINGBACK_SERVER_CONFIG";

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In this file.
    File(PathBuf),
    /// In its variable.
    Environment,
    /// As a flag.
    Flag,
}

#[derive(Debug, Clone)]
struct Given {
    setting: &'static Setting,
    values: Vec<String>,
    origin: Origin,
}

/// The settings that were given, each from where it counts most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    given: BTreeMap<&'static str, Given>,
}

impl Layers {
    /// Gathers them. `variables` is the environment.
    pub(crate) fn gather(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &SettingFlags,
    ) -> Outcome<Self> {
        let mut layers = Self::default();
        let variables: Vec<_> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        let named =
            variables.iter().find(|(name, _)| name == CONFIG_VARIABLE).map(|(_, value)| Path::new(value));
        if let Some(path) = file.or(named) {
            layers.add_file(path)?;
        }
        layers.add_variables(&variables)?;
        for (setting, values) in &flags.given {
            layers.put(setting, values.clone(), Origin::Flag);
        }
        Ok(layers)
    }

    /// The settings of one file's text alone.
    pub(super) fn of_text(text: &str) -> Outcome<Self> {
        let mut layers = Self::default();
        layers.add_toml(Path::new("ringback.toml"), text)?;
        Ok(layers)
    }

    fn put(&mut self, setting: &'static Setting, values: Vec<String>, origin: Origin) {
        self.given.insert(setting.name, Given { setting, values, origin });
    }

    fn add_file(&mut self, path: &Path) -> Outcome {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::configuration(format_args!("{shown} can't be read: {error}")))?;
        self.add_toml(path, &text)
    }

    pub(super) fn add_toml(&mut self, path: &Path, text: &str) -> Outcome {
        let shown = path.display();
        let table: toml::Table = text
            .parse()
            .map_err(|error| Failure::configuration(format_args!("{shown} is not TOML: {error}")))?;
        for (key, value) in table {
            let setting = find(|setting| setting.name == key).ok_or_else(|| {
                Failure::configuration(format_args!("{shown}: there is no setting {key:?}"))
            })?;
            let values = texts(setting, value).ok_or_else(|| {
                Failure::configuration(format_args!("{shown}: {key} must be {}", form(setting)))
            })?;
            self.put(setting, values, Origin::File(path.to_owned()));
        }
        Ok(())
    }

    fn add_variables(&mut self, variables: &[(String, OsString)]) -> Outcome {
        for (name, value) in variables.iter().filter(|(name, _)| name != CONFIG_VARIABLE) {
            let setting = find(|setting| setting.variable() == *name)
                .ok_or_else(|| Failure::configuration(format_args!("there is no setting {name}")))?;
            let value =
                value.to_str().ok_or_else(|| Failure::configuration(format_args!("{name} must be UTF-8")))?;
            let values = match setting.kind {
                Kind::Many => {
                    value.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
                }
                _ => vec![value.to_owned()],
            };
            self.put(setting, values, Origin::Environment);
        }
        Ok(())
    }

    /// The setting's value, if it is given.
    pub(crate) fn one<T>(&self, name: &str) -> Outcome<Option<T>>
    where
        T: FromStr<Err: fmt::Display + 'static>,
    {
        let Some(given) = self.given.get(name) else { return Ok(None) };
        given.values.last().map(|value| given.parse(value)).transpose()
    }

    /// The setting's values, if it is given.
    pub(crate) fn many<T>(&self, name: &str) -> Outcome<Option<Vec<T>>>
    where
        T: FromStr<Err: fmt::Display + 'static>,
    {
        let Some(given) = self.given.get(name) else { return Ok(None) };
        given.values.iter().map(|value| given.parse(value)).collect::<Outcome<Vec<T>>>().map(Some)
    }

    /// Whether the switch is on; off where it is not given.
    pub(crate) fn switch(&self, name: &str) -> Outcome<bool> {
        Ok(self.one(name)?.unwrap_or(false))
    }

    /// Whether it was given as a flag.
    pub(crate) fn is_flag(&self, name: &str) -> bool {
        self.given.get(name).is_some_and(|given| given.origin == Origin::Flag)
    }

    /// Where the setting was given, if it was.
    pub(crate) fn origin(&self, name: &str) -> Option<String> {
        self.given.get(name).map(Given::place)
    }
}

impl Given {
    fn parse<T>(&self, value: &str) -> Outcome<T>
    where
        T: FromStr<Err: fmt::Display + 'static>,
    {
        value.parse().map_err(|error: T::Err| {
            let code = if self.origin == Origin::Flag { ExitCode::Usage } else { ExitCode::Configuration };
            let what = self.what_would_be_right(&error).map_or_else(|| error.to_string(), str::to_owned);
            Failure::new(code, anyhow!("{}: {value:?} will not do: {what}", self.place()))
        })
    }

    /// Where the error is one of the standard library's, which say only that something is wrong.
    fn what_would_be_right(&self, error: &dyn Any) -> Option<&'static str> {
        if error.is::<AddrParseError>() && self.setting.value == ADDRESS_AND_PORT {
            return Some("it must be an IP address and a port, such as 127.0.0.1:8085");
        }
        Some(match error.downcast_ref::<ParseIntError>()?.kind() {
            IntErrorKind::Zero => "it must be at least 1",
            IntErrorKind::Empty | IntErrorKind::InvalidDigit => "it must be a whole number, 0 or more",
            IntErrorKind::PosOverflow => "it is too large",
            _ => return None,
        })
    }

    fn place(&self) -> String {
        match &self.origin {
            Origin::File(path) => format!("{} in {}", self.setting.name, path.display()),
            Origin::Environment => self.setting.variable(),
            Origin::Flag => format!("--{}", self.setting.name),
        }
    }
}

fn find(is_it: impl Fn(&Setting) -> bool) -> Option<&'static Setting> {
    SETTINGS.iter().copied().flatten().find(|setting| is_it(setting))
}

/// A TOML value as texts, if it is of the setting's form.
fn texts(setting: &Setting, value: toml::Value) -> Option<Vec<String>> {
    match (setting.kind, value) {
        (Kind::Many, toml::Value::Array(values)) => values.into_iter().map(text).collect(),
        (Kind::Switch, toml::Value::Boolean(on)) => Some(vec![on.to_string()]),
        (Kind::One, value) => Some(vec![text(value)?]),
        _ => None,
    }
}

fn text(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

fn form(setting: &Setting) -> &'static str {
    match setting.kind {
        Kind::One => "a string or a number",
        Kind::Many => "an array of strings or numbers",
        Kind::Switch => "true or false",
    }
}
