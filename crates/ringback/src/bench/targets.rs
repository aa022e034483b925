//! The targets, each checked against the medians; those whose scenario was not run are left out.

use serde::Serialize;

use super::figures::{self, Figure};
use super::report::{Report, number};
use super::scenario::Scenario;
use crate::table::Table;

/// A target and what came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Checked {
    target: &'static str,
    wanted: f64,
    #[serde(rename = "isAtMost")]
    is_at_most: bool,
    got: f64,
    met: bool,
}

#[derive(Clone, Copy)]
enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

use Wanted::{AtLeast, AtMost};

/// Every target that can be checked. Where PostgreSQL has to share the machine, less is wanted.
pub(super) fn check(report: &Report) -> Vec<Checked> {
    let on_postgres = report.store.starts_with("postgres");
    let (single, batches) = if on_postgres { (0.14, 0.25) } else { (0.25, 0.4) };
    let one = |scenario, figure| report.median(scenario, figure);
    let on_sqlite = |got: Option<f64>| got.filter(|_| !on_postgres);
    let ratio = |scenario, figure: Figure, to: Scenario, below: Figure, factor: f64| {
        Some(report.median(scenario, figure)? / (factor * report.median(to, below)?))
    };
    let of_sync = |scenario, figure, factor| ratio(scenario, figure, scenario, figures::SYNC_P99, factor);
    let of_one_account =
        |scenario| ratio(scenario, figures::CALLBACKS, Scenario::Batches, figures::CALLBACKS, 1.0);
    let targets = [
        (
            "single publishes, 256 at once, of the bare sender",
            AtLeast(single),
            one(Scenario::Single256, figures::RATIO),
        ),
        (
            "single publishes, 64 at once, of the smaller of 0.25 of the bare sender and 0.8 × 64 / (2 × fdatasync p50)",
            AtLeast(1.0),
            on_sqlite(one(Scenario::Single64, figures::OF_TARGET)),
        ),
        ("batches, of the bare sender", AtLeast(batches), one(Scenario::Batches, figures::RATIO)),
        (
            "batches, server CPU s for 1,000 callbacks",
            AtMost(0.05),
            one(Scenario::Batches, figures::SERVER_CPU),
        ),
        ("500/s, hand-off p99, ms", AtMost(2.5), on_sqlite(one(Scenario::Pace500, figures::HAND_OFF_P99))),
        (
            "500/s, hand-off p99 in the first 5 s, ms",
            AtMost(2.5),
            on_sqlite(one(Scenario::Pace500, figures::EARLY_HAND_OFF_P99)),
        ),
        (
            "500/s, accept p99 over 3 × fdatasync p99",
            AtMost(1.0),
            on_sqlite(of_sync(Scenario::Pace500, figures::ACCEPT_P99, 3.0)),
        ),
        (
            "500/s, accept p99 in the first 5 s over 3 × fdatasync p99",
            AtMost(1.0),
            on_sqlite(of_sync(Scenario::Pace500, figures::EARLY_ACCEPT_P99, 3.0)),
        ),
        (
            "5,000/s, whole p99 over 4 × fdatasync p99",
            AtMost(1.0),
            on_sqlite(of_sync(Scenario::Pace5000, figures::WHOLE_P99, 4.0)),
        ),
        (
            "good endpoints' p99 with bad ones over without",
            AtMost(1.2),
            one(Scenario::Trouble, figures::GOOD_RATIO),
        ),
        ("10,000 accounts, of one account's rate", AtLeast(0.8), of_one_account(Scenario::Accounts10k)),
        (
            "10,000 accounts with 1,000 authorities, of one account's rate",
            AtLeast(0.8),
            of_one_account(Scenario::Accounts10kAuthorities),
        ),
        ("1,000,000 accounts, of one account's rate", AtLeast(0.5), of_one_account(Scenario::Accounts1m)),
        (
            "1,000,000 accounts with 1,000 authorities, of one account's rate",
            AtLeast(0.5),
            of_one_account(Scenario::Accounts1mAuthorities),
        ),
        ("resident at saturation, MiB", AtMost(64.0), one(Scenario::Single256, figures::PEAK)),
        ("resident at saturation with batches, MiB", AtMost(64.0), one(Scenario::Batches, figures::PEAK)),
        ("resident with 1,000,000 pending, MiB", AtMost(150.0), one(Scenario::Backlog, figures::PEAK)),
        ("ready with 1,000,000 pending, ms", AtMost(2000.0), one(Scenario::Backlog, figures::READY)),
        (
            "registering among 1,000,000 over among 1,000",
            AtMost(1.2),
            one(Scenario::Registered, figures::REGISTER_RATIO),
        ),
        (
            "listing among 1,000,000 over among 1,000",
            AtMost(1.2),
            one(Scenario::Registered, figures::LIST_RATIO),
        ),
        ("cold start to ready, ms", AtMost(50.0), one(Scenario::Start, figures::READY)),
        ("the program, MiB", AtMost(25.0), one(Scenario::Start, figures::BINARY)),
    ];
    targets.into_iter().filter_map(|(target, wanted, got)| Some(checked(target, wanted, got?))).collect()
}

fn checked(target: &'static str, wanted: Wanted, got: f64) -> Checked {
    let (wanted, is_at_most, met) = match wanted {
        AtLeast(wanted) => (wanted, false, got >= wanted),
        AtMost(wanted) => (wanted, true, got <= wanted),
    };
    Checked { target, wanted, is_at_most, got, met }
}

/// A row for each.
pub(super) fn table(targets: &[Checked]) -> Table {
    let mut table = Table::new(&["TARGET", "WANTED", "GOT", ""]);
    for one in targets {
        let wanted = format!("{} {}", if one.is_at_most { "at most" } else { "at least" }, one.wanted);
        let met = if one.met { "met" } else { "not met" };
        table.row([one.target.to_owned(), wanted, number(one.got, 3), met.to_owned()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Run, spreads};
    use super::super::machine::Machine;
    use super::super::report::Result;
    use super::*;

    fn of(store: &str) -> Vec<(f64, bool)> {
        let mut run = Run::default();
        run.note(figures::RATIO, 0.3);
        run.note(figures::OF_TARGET, 2.0);
        let result = |scenario| Result { scenario, figures: spreads(std::slice::from_ref(&run)) };
        let results = [Scenario::Single64, Scenario::Batches].map(result).into();
        let report = Report { machine: Machine::look(), store: store.to_owned(), nodes: 1, runs: 1, results };
        check(&report).into_iter().map(|checked| (checked.wanted, checked.met)).collect()
    }

    #[test]
    fn each_store_has_its_own_targets() {
        assert_eq!(of("sqlite"), [(1.0, true), (0.4, false)]);
        assert_eq!(of("postgres"), [(0.25, true)]);
    }
}
