//! What a server can be told, and by whom.
//!
//! A setting has one name. It is a key of the TOML file, `RINGBACK_SERVER_…` in the environment (in capitals, with
//! underscores) and a flag, and each of these counts more than the one before. [`layers`] gathers what is given and
//! refuses by name what is no setting; each concern has one small struct that reads its settings from there, checks
//! them, and can show them.

pub(crate) mod delivery;
pub(crate) mod egress;
pub(crate) mod events;
pub(crate) mod flags;
pub(crate) mod key;
pub(crate) mod layers;
pub(crate) mod limits;
pub(crate) mod listening;
pub(crate) mod log;
mod network;
pub(crate) mod retention;
pub(crate) mod setting;
pub(crate) mod shown;
pub(crate) mod signing;
pub(crate) mod store;
mod time;
pub(crate) mod tracing;
pub(crate) mod trust;

use crate::failure::Outcome;
use layers::Layers;
use setting::Setting;
use shown::Shown;

/// Every setting, by concern.
pub(crate) const SETTINGS: &[&[Setting]] = &[
    listening::SETTINGS,
    limits::SETTINGS,
    store::SETTINGS,
    egress::SETTINGS,
    trust::SETTINGS,
    signing::SETTINGS,
    delivery::SETTINGS,
    events::SETTINGS,
    tracing::SETTINGS,
    retention::SETTINGS,
    log::SETTINGS,
];

/// All that `serve` goes by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    pub(crate) listening: listening::Listening,
    pub(crate) limits: limits::LimitSettings,
    pub(crate) store: store::StoreSettings,
    pub(crate) egress: egress::Egress,
    pub(crate) trust: trust::Trust,
    pub(crate) signing: signing::Signing,
    pub(crate) delivery: delivery::Delivery,
    pub(crate) events: events::Events,
    pub(crate) tracing: tracing::Tracing,
    pub(crate) retention: retention::RetentionSettings,
    pub(crate) log: log::Log,
}

impl Config {
    /// Reads and checks every concern's settings.
    pub(crate) fn read(layers: &Layers) -> Outcome<Self> {
        let config = Self {
            listening: listening::Listening::read(layers)?,
            limits: limits::LimitSettings::read(layers)?,
            store: store::StoreSettings::read(layers)?,
            egress: egress::Egress::read(layers)?,
            trust: trust::Trust::read(layers)?,
            signing: signing::Signing::read(layers)?,
            delivery: delivery::Delivery::read(layers)?,
            events: events::Events::read(layers)?,
            tracing: tracing::Tracing::read(layers)?,
            retention: retention::RetentionSettings::read(layers)?,
            log: log::Log::read(layers)?,
        };
        config.store.check_lease(config.delivery.request_timeout)?;
        Ok(config)
    }

    /// The settings in force as TOML, each with where it comes from; secrets are told of, not shown.
    pub(crate) fn show(&self, layers: &Layers) -> String {
        let mut shown = Shown::new(layers);
        self.listening.show(&mut shown);
        self.limits.show(&mut shown);
        self.store.show(&mut shown);
        self.egress.show(&mut shown);
        self.trust.show(&mut shown);
        self.signing.show(&mut shown);
        self.delivery.show(&mut shown);
        self.events.show(&mut shown);
        self.tracing.show(&mut shown);
        self.retention.show(&mut shown);
        self.log.show(&mut shown);
        shown.into_text()
    }
}

/// The settings in force with this TOML text as the only source of them, as [`Config::show`] shows them.
pub(crate) fn shown_from(text: &str) -> Outcome<String> {
    let layers = Layers::of_text(text)?;
    Ok(Config::read(&layers)?.show(&layers))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod reference;
