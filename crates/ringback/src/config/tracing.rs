//! Where the server's own part of traces goes.

use std::str::FromStr;
use std::sync::Arc;

use ringback_server::send::CallbackUrl;
use ringback_server::trace::{TracerSettings, collector_url};

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::{Failure, Outcome};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "otlp-endpoint",
        "URL",
        "The OpenTelemetry collector that spans are sent to, by OTLP over HTTP, such as http://127.0.0.1:4318 [default: none are sent]",
    ),
    Setting::one(
        "otlp-sample-ratio",
        "RATIO",
        "Where spans are sent: of the publish requests that come in no trace, the portion that begins one, from 0 to 1 [default: 1]",
    ),
];

/// Where the server's own part of traces goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracing {
    url: Option<Arc<CallbackUrl>>,
    ratio: Option<Ratio>,
}

impl Tracing {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let url = match layers.one::<String>("otlp-endpoint")? {
            None => None,
            // A path may be a secret, so it is not repeated in the error.
            Some(endpoint) => Some(Arc::new(collector_url(&endpoint).map_err(|error| {
                let place = layers.origin("otlp-endpoint").unwrap_or_default();
                Failure::configuration(format_args!("{place}: {error}"))
            })?)),
        };
        Ok(Self { url, ratio: layers.one("otlp-sample-ratio")? })
    }

    /// What is exported and where to, if anything is.
    pub(crate) fn settings(&self) -> Option<TracerSettings> {
        let Ratio(ratio) = self.ratio.unwrap_or_default();
        self.url.clone().map(|url| TracerSettings { url, ratio })
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        let url = self.url.as_ref().map(|url| format!("{}/…", url.origin_for_logs()));
        shown.put_or("otlp-endpoint", url, "no spans are sent");
        shown.put("otlp-sample-ratio", self.ratio.unwrap_or_default().0);
    }
}

/// From 0 to 1.
#[derive(Debug, Clone, Copy)]
struct Ratio(f64);

impl Default for Ratio {
    fn default() -> Self {
        Self(1.0)
    }
}

impl FromStr for Ratio {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.map(Self).ok_or("it must be a number from 0 to 1, such as 0.01")
    }
}
