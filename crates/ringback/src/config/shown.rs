//! The settings in force, as TOML that could be given back.

use std::fmt::Write as _;

use super::layers::Layers;

/// Lines of TOML, each with where its value comes from.
pub(crate) struct Shown<'a> {
    layers: &'a Layers,
    text: String,
}

impl<'a> Shown<'a> {
    pub(super) fn new(layers: &'a Layers) -> Self {
        Self { layers, text: String::new() }
    }

    /// A setting and its value.
    pub(super) fn put(&mut self, name: &str, value: impl Into<toml::Value>) {
        let from = self.layers.origin(name).unwrap_or_else(|| "default".to_owned());
        self.line(format_args!("{name} = {}  # {from}", value.into()));
    }

    /// A setting that has no value, so that nothing is set.
    pub(super) fn unset(&mut self, name: &str, means: &str) {
        self.line(format_args!("# {name} is not set: {means}"));
    }

    /// A setting that may have a value.
    pub(super) fn put_or(&mut self, name: &str, value: Option<impl Into<toml::Value>>, otherwise: &str) {
        match value {
            Some(value) => self.put(name, value),
            None => self.unset(name, otherwise),
        }
    }

    /// Several values, as texts.
    pub(super) fn put_all(&mut self, name: &str, values: impl IntoIterator<Item = impl ToString>) {
        let values: Vec<toml::Value> =
            values.into_iter().map(|value| toml::Value::String(value.to_string())).collect();
        self.put(name, values);
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{line}");
    }

    pub(super) fn into_text(self) -> String {
        self.text.trim_end().to_owned()
    }
}
