//! How long what is finished is kept.

use std::time::Duration;

use ringback_store::Retention;

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use super::time::Time;
use crate::failure::{Failure, Outcome};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "retain-finished",
        "TIME",
        "How long delivered and cancelled messages are kept, 2days at least [default: 7days]",
    ),
    Setting::one(
        "retain-dead",
        "TIME",
        "How long dead messages are kept, to be replayed, 2days at least [default: 30days]",
    ),
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
        let time = |name: &str, otherwise: Duration| -> Outcome<Duration> {
            let time = layers.one::<Time>(name)?.map_or(otherwise, |Time(time)| time);
            if time < Retention::LEAST {
                return Err(Failure::configuration(format_args!(
                    "{name} is {}, but must be at least {}: an idempotency key is remembered for so long, and who gives \
                     it again is told what became of its message",
                    humantime::format_duration(time),
                    humantime::format_duration(Retention::LEAST)
                )));
            }
            Ok(time)
        };
        Ok(Self(Retention {
            finished: time("retain-finished", default.finished)?,
            dead: time("retain-dead", default.dead)?,
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
