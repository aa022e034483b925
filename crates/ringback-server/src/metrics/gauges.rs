//! What is as it is: read from the store by the surveyor, told by the dispatcher, or asked of the system.

use std::time::Duration;

use prometheus::{Gauge, GaugeVec};
use ringback_delivery::{OpenRequests, Timestamp};
use ringback_store::{StoreSize, Tally};

use super::instruments::Instruments;
use super::process::ProcessGauges;

pub(super) struct Gauges {
    pending: Gauge,
    kept: [Gauge; 3],
    accounts: Gauge,
    lanes: [Gauge; 5],
    oldest: [Gauge; 2],
    overdue: Gauge,
    surveyed_at: Gauge,
    survey_took: Gauge,
    size: Gauge,
    free: GaugeVec,
    oldest_snapshot: GaugeVec,
    open: [Gauge; 2],
    unrecorded: Gauge,
    resident: Gauge,
    shards: Gauge,
    process: ProcessGauges,
}

impl Gauges {
    pub(super) fn new(make: &Instruments<'_>) -> Self {
        let kept =
            make.gauges("ringback_messages_kept", "Messages that are finished and still kept.", &["state"]);
        let lanes = make.gauges("ringback_lanes", "Accounts by the state of their lane.", &["state"]);
        let oldest = make.gauges(
            "ringback_oldest_pending_age_seconds",
            "Age of the message that waits for the longest: of any lane, and of those that nothing speaks against (active).",
            &["lane"],
        );
        let open = make.gauges(
            "ringback_open_requests",
            "Callbacks that are out: for less than a second (young), or longer (slow).",
            &["pool"],
        );
        let build = make.gauges("ringback_build_info", "What runs; always 1.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        Self {
            pending: make.gauge("ringback_messages_pending", "Messages that wait."),
            kept: ["delivered", "dead", "cancelled"].map(|state| kept.with_label_values(&[state])),
            accounts: make.gauge("ringback_accounts", "Accounts that the store knows of."),
            lanes: ["active", "on_hold", "suspended", "paused", "unregistered"]
                .map(|state| lanes.with_label_values(&[state])),
            oldest: ["active", "any"].map(|lane| oldest.with_label_values(&[lane])),
            overdue: make.gauge(
                "ringback_oldest_overdue_age_seconds",
                "How late the message is that should have gone first, of those free to go in lanes that nothing speaks against.",
            ),
            surveyed_at: make.gauge(
                "ringback_survey_timestamp_seconds",
                "When the accounts were last surveyed: what is pending, kept, oldest, and the lanes are as of then.",
            ),
            survey_took: make.gauge("ringback_survey_duration_seconds", "How long that took."),
            size: make.gauge("ringback_store_size_bytes", "The store's size on its disk."),
            // Without labels, as what is not known has no sample.
            free: make.gauges("ringback_store_free_bytes", "Bytes that are free on the store's disk.", &[]),
            oldest_snapshot: make.gauges(
                "ringback_oldest_snapshot_age_seconds",
                "For how long the database's oldest snapshot has kept dead rows from being cleaned.",
                &[],
            ),
            open: ["young", "slow"].map(|pool| open.with_label_values(&[pool])),
            unrecorded: make.gauge(
                "ringback_unrecorded_outcomes",
                "Outcomes of attempts that are not recorded yet; at a bound nothing more is sent.",
            ),
            resident: make.gauge("ringback_resident_lanes", "Lanes in memory."),
            shards: make.gauge("ringback_shards", "Shards of 1,024 that this node delivers for."),
            process: ProcessGauges::new(make),
        }
    }

    pub(super) fn surveyed(&self, now: Timestamp, took: Duration, tally: &Tally) {
        let set = |gauge: &Gauge, number: u64| gauge.set(number as f64);
        let counts = &tally.counts;
        set(&self.pending, counts.pending);
        for (gauge, number) in self.kept.iter().zip([counts.delivered, counts.dead, counts.cancelled]) {
            set(gauge, number);
        }
        set(&self.accounts, tally.accounts);
        let lanes = &tally.lanes;
        let states = [lanes.active, lanes.on_hold, lanes.suspended, lanes.paused, lanes.unregistered];
        for (gauge, number) in self.lanes.iter().zip(states) {
            set(gauge, number);
        }
        let oldest = tally.waiting.first().map(|(_, since)| *since);
        for (gauge, oldest) in self.oldest.iter().zip([tally.oldest_in_active, oldest]) {
            gauge.set(oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64()));
        }
        self.overdue.set(tally.first_due.map_or(0.0, |due| now.since(due).as_secs_f64()));
        self.surveyed_at.set(now.as_millis() as f64 / 1000.0);
        self.survey_took.set(took.as_secs_f64());
    }

    pub(super) fn sized(&self, size: StoreSize) {
        self.size.set(size.bytes as f64);
        set_if(&self.free, size.free_bytes.map(|bytes| bytes as f64));
    }

    pub(super) fn held_back(&self, oldest_snapshot: Option<Duration>) {
        set_if(&self.oldest_snapshot, oldest_snapshot.map(|age| age.as_secs_f64()));
    }

    pub(super) fn dispatching(&self, open: OpenRequests, unrecorded: usize, resident: usize, shards: usize) {
        self.open[0].set(open.young as f64);
        self.open[1].set(open.slow as f64);
        self.unrecorded.set(unrecorded as f64);
        self.resident.set(resident as f64);
        self.shards.set(shards as f64);
    }

    pub(super) fn process(&self) {
        self.process.look();
    }
}

/// Sets a gauge without labels, or takes its sample away.
fn set_if(gauge: &GaugeVec, value: Option<f64>) {
    match value {
        Some(value) => gauge.with_label_values::<&str>(&[]).set(value),
        None => gauge.reset(),
    }
}
