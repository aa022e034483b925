//! Time-outs and bounds of delivering.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use ringback_delivery::RetrySchedule;

use super::layers::Layers;
use super::setting::Setting;
use super::shown::Shown;
use super::time::Time;
use crate::failure::{Failure, Outcome};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one("connect-timeout", "TIME", "For an endpoint to be connected to, TLS included [default: 5s]"),
    Setting::one(
        "request-timeout",
        "TIME",
        "For a whole attempt, up to the end of the answer [default: 15s]",
    ),
    Setting::many(
        "retry-delay",
        "TIME",
        "The time from a message's first attempt to its second, then to its third, and so on, each longer or shorter by up to \
         a fifth; after the last it is given up [default: 5s, 30s, 2min, 10min, 30min, 1h, 3h, 6h, 12h, 24h]; may be repeated",
    ),
    Setting::one("max-age", "TIME", "The age at which an undelivered message is given up [default: 7days]"),
    Setting::one(
        "retry-after-cap",
        "TIME",
        "How much of an endpoint's Retry-After is honoured [default: 1h]",
    ),
    Setting::one(
        "failures-to-hold",
        "NUMBER",
        "Failures of an endpoint in a row that put its account on hold [default: 5]",
    ),
    Setting::many(
        "probe-delay",
        "TIME",
        "The time to the first probe of an endpoint on hold, then to the next after each that fails; the last is for all \
         further ones [default: 5s, 15s, 30s, 1min, 2min, 5min]; may be repeated",
    ),
    Setting::one(
        "endpoint-requests",
        "NUMBER",
        "Requests open at once for one endpoint at most [default: 32]",
    ),
    Setting::one(
        "open-requests",
        "NUMBER",
        "Requests open at once in all at most, slow ones aside [default: 1024]",
    ),
    Setting::one("slow-requests", "NUMBER", "Requests open for over a second in all at most [default: 4096]"),
    Setting::one("stop-grace", "TIME", "How long a stop waits for what is under way [default: 20s]"),
];

/// Time-outs and bounds of delivering.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) retry_delays: Vec<Duration>,
    pub(crate) max_age: Duration,
    pub(crate) retry_after_cap: Duration,
    pub(crate) failures_to_hold: u32,
    pub(crate) probe_delays: Vec<Duration>,
    pub(crate) endpoint_requests: u32,
    pub(crate) open_requests: usize,
    pub(crate) slow_requests: usize,
    pub(crate) stop_grace: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        let engine = ringback_delivery::Settings::default();
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            retry_delays: engine.retry.delays().to_vec(),
            max_age: engine.max_age,
            retry_after_cap: engine.retry_after_cap,
            failures_to_hold: engine.failures_to_hold,
            probe_delays: engine.probe_delays,
            endpoint_requests: engine.slots,
            open_requests: engine.open_requests,
            slow_requests: engine.slow_requests,
            // A little over the request time-out, so that what is under way ends by itself.
            stop_grace: Duration::from_secs(20),
        }
    }
}

impl Delivery {
    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        let default = Self::default();
        let time = |name: &str, otherwise: Duration| -> Outcome<Duration> {
            Ok(layers.one::<Time>(name)?.map_or(otherwise, |Time(time)| time))
        };
        let times = |name: &str, otherwise: Vec<Duration>| -> Outcome<Vec<Duration>> {
            let given = layers.many::<Time>(name)?;
            Ok(given.map_or(otherwise, |given| given.into_iter().map(|Time(time)| time).collect()))
        };
        let count = |name: &str, otherwise: usize| -> Outcome<usize> {
            Ok(layers.one::<NonZeroUsize>(name)?.map_or(otherwise, NonZeroUsize::get))
        };
        let delivery = Self {
            connect_timeout: time("connect-timeout", default.connect_timeout)?,
            request_timeout: time("request-timeout", default.request_timeout)?,
            retry_delays: times("retry-delay", default.retry_delays)?,
            max_age: time("max-age", default.max_age)?,
            retry_after_cap: time("retry-after-cap", default.retry_after_cap)?,
            failures_to_hold: layers
                .one::<NonZeroU32>("failures-to-hold")?
                .map_or(default.failures_to_hold, NonZeroU32::get),
            probe_delays: times("probe-delay", default.probe_delays)?,
            endpoint_requests: layers
                .one::<NonZeroU32>("endpoint-requests")?
                .map_or(default.endpoint_requests, NonZeroU32::get),
            open_requests: count("open-requests", default.open_requests)?,
            slow_requests: count("slow-requests", default.slow_requests)?,
            stop_grace: time("stop-grace", default.stop_grace)?,
        };
        for (name, span) in
            [("connect-timeout", delivery.connect_timeout), ("request-timeout", delivery.request_timeout)]
        {
            if span.is_zero() {
                return Err(Failure::configuration(format_args!("{name} must be more than nothing")));
            }
        }
        if delivery.probe_delays.is_empty() || delivery.probe_delays.iter().any(Duration::is_zero) {
            return Err(Failure::configuration("probe-delay must be times that are more than nothing"));
        }
        Ok(delivery)
    }

    /// The engine's numbers.
    pub(crate) fn engine(&self) -> ringback_delivery::Settings {
        let default = ringback_delivery::Settings::default();
        ringback_delivery::Settings {
            retry: RetrySchedule::new(self.retry_delays.clone(), RetrySchedule::JITTER),
            max_age: self.max_age,
            retry_after_cap: self.retry_after_cap,
            failures_to_hold: self.failures_to_hold,
            probe_delays: self.probe_delays.clone(),
            slots: self.endpoint_requests,
            open_requests: self.open_requests,
            open_unproven: default.open_unproven.min(self.open_requests.div_ceil(2)),
            open_failing: default.open_failing.min(self.open_requests.div_ceil(4)),
            crowded_slow: default.crowded_slow.min(self.slow_requests / 4),
            slow_requests: self.slow_requests,
            ..default
        }
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        let text = |time: &Duration| humantime::format_duration(*time).to_string();
        for (name, delays) in [("retry-delay", &self.retry_delays), ("probe-delay", &self.probe_delays)] {
            shown.put_all(name, delays.iter().map(text));
        }
        let mut time = |name, time| shown.put(name, text(&time));
        time("connect-timeout", self.connect_timeout);
        time("request-timeout", self.request_timeout);
        time("max-age", self.max_age);
        time("retry-after-cap", self.retry_after_cap);
        time("stop-grace", self.stop_grace);
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        shown.put("failures-to-hold", i64::from(self.failures_to_hold));
        shown.put("endpoint-requests", i64::from(self.endpoint_requests));
        shown.put("open-requests", number(self.open_requests));
        shown.put("slow-requests", number(self.slow_requests));
    }
}
