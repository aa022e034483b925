//! How long what is finished is kept.

use ringback_store::Retention;

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use super::time::Time;
use crate::failure::Outcome;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "retain-finished",
        "TIME",
        "How long delivered and cancelled messages are kept [default: 7days]",
    ),
    Setting::one("retain-dead", "TIME", "How long dead messages are kept, to be replayed [default: 30days]"),
    Setting::one(
        "retain-bytes",
        "BYTES",
        "Bytes of messages past which the oldest delivered ones go early [default: no bound]",
    ),
];

/// How long what is finished is kept.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RetentionSettings(pub(crate) Retention);

impl RetentionSettings {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let default = Retention::default();
        let finished = layers.one::<Time>("retain-finished")?;
        let dead = layers.one::<Time>("retain-dead")?;
        Ok(Self(Retention {
            finished: finished.map_or(default.finished, |Time(time)| time),
            dead: dead.map_or(default.dead, |Time(time)| time),
            bytes: layers.one("retain-bytes")?.or(default.bytes),
        }))
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        let Retention { finished, dead, bytes } = self.0;
        shown.put("retain-finished", humantime::format_duration(finished).to_string());
        shown.put("retain-dead", humantime::format_duration(dead).to_string());
        let bytes = bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        shown.put_or("retain-bytes", bytes, "there is no bound");
    }
}
