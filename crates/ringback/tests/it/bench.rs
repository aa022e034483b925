//! `ringback bench --quick`: that it measures, and that its numbers add up. Never how fast.

use std::collections::BTreeMap;

use ringback_testbed::Postgres;
use serde_json::Value;
use tempfile::tempdir;

use crate::program::{failure, printed, run, run_with};

const SCENARIOS: [&str; 8] = [
    "start",
    "single-64",
    "batches",
    "pace-500",
    "accounts-10k-1000-authorities",
    "backlog",
    "registered",
    "trouble",
];

/// The medians of one scenario.
fn figures(document: &Value, scenario: &str) -> BTreeMap<String, f64> {
    let all = document["scenarios"].as_array().unwrap();
    let one = all.iter().find(|one| one["scenario"] == scenario).unwrap_or_else(|| panic!("no {scenario}"));
    let figure = |figure: &Value| {
        let (least, median, most) = (&figure["min"], &figure["median"], &figure["max"]);
        let [least, median, most] = [least, median, most].map(|number| number.as_f64().unwrap());
        assert!(least <= median && median <= most, "{figure}");
        assert_eq!(figure["runs"].as_array().unwrap().len(), 2, "{figure}");
        (figure["name"].as_str().unwrap().to_owned(), median)
    };
    one["figures"].as_array().unwrap().iter().map(figure).collect()
}

#[test]
fn a_quick_benchmark_measures_every_kind_of_scenario_and_its_numbers_add_up() {
    let folder = tempdir().unwrap();
    let scenarios = SCENARIOS.join(",");
    let output = printed(&run(
        folder.path(),
        &["bench", "--quick", "--runs", "2", "--json", "--svg", "chart.svg", "--scenario", &scenarios],
    ));
    let document: Value = serde_json::from_str(&output).unwrap();
    for scenario in ["single-64", "batches", "pace-500", "accounts-10k-1000-authorities", "backlog"] {
        let figures = figures(&document, scenario);
        assert!(figures["accepted"] > 0.0, "{scenario}: {figures:?}");
        assert_eq!(figures["missing"], 0.0, "{scenario}: {figures:?}");
        assert_eq!(figures["delivered"], figures["accepted"], "{scenario}: {figures:?}");
        assert!(figures["callbacksPerSecond"] > 0.0, "{scenario}: {figures:?}");
    }
    for scenario in ["single-64", "batches", "pace-500"] {
        let figures = figures(&document, scenario);
        for latency in ["accept", "handOff", "whole"] {
            let at = |percentile: &str| figures[&format!("{latency}{percentile}Ms")];
            assert!(at("P50") <= at("P99") && at("P99") <= at("P999"), "{scenario}: {figures:?}");
        }
        assert!(figures["wholeP50Ms"] > 0.0 && figures["fdatasyncP50Ms"] > 0.0, "{scenario}: {figures:?}");
    }
    let single = figures(&document, "single-64");
    assert!(single["ratioToBound"] > 0.0 && single["boundPerSecond"] > 0.0, "{single:?}");
    assert!(figures(&document, "pace-500")["bareAcceptP50Ms"] > 0.0);
    let trouble = figures(&document, "trouble");
    assert!(trouble["missing"] == 0.0 && trouble["goodP99Ratio"] > 0.0, "{trouble:?}");
    assert!(figures(&document, "start")["readyMs"] > 0.0);
    assert!(figures(&document, "registered")["listRatio"] > 0.0);
    let targets = document["targets"].as_array().unwrap();
    assert!(targets.iter().any(|one| one["target"] == "batches, of the bare sender"), "{targets:?}");
    let chart = std::fs::read_to_string(folder.path().join("chart.svg")).unwrap();
    assert!(chart.contains("batches") && chart.contains("pace-500 p99"), "{chart}");
    // Its stores are gone.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_store_that_is_in_use_is_not_measured_on() {
    let folder = tempdir().unwrap();
    let create = ["credentials", "create", "--name", "a", "--account", "*", "--scope", "publish"];
    printed(&run(folder.path(), &[&create[..], &["--store", "sqlite:used.db"]].concat()));
    let bench = ["bench", "--quick", "--scenario", "start", "--store", "sqlite:used.db"];
    let (code, line) = failure(&run(folder.path(), &bench));
    assert_eq!(code, 2, "{line}");
    assert!(line.contains("empty store"), "{line}");
}

#[test]
fn several_nodes_on_one_store_are_measured_as_one_server_in_one_scenario_after_another() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let store = database.url();
    let bench =
        ["bench", "--quick", "--runs", "1", "--json", "--nodes", "2", "--scenario", "single-64,batches"];
    let key = [("RINGBACK_KEY", "12".repeat(32))];
    let key = key.each_ref().map(|(name, key)| (*name, key.as_str()));
    let output = printed(&run_with(folder.path(), &[&bench[..], &["--store", &store]].concat(), &key, ""));
    let document: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&document["nodes"], &document["store"]), (&2.into(), &"postgres".into()));
    for scenario in document["scenarios"].as_array().unwrap() {
        let median = |name: &str| {
            let figures = scenario["figures"].as_array().unwrap();
            figures.iter().find(|figure| figure["name"] == name).unwrap()["median"].as_f64().unwrap()
        };
        assert!(median("accepted") > 0.0, "{scenario}");
        assert_eq!(median("delivered"), median("accepted"), "{scenario}");
    }
    assert_eq!(database.psql("SELECT count(*) FROM ringback.node"), "0\n", "both left in order");
}

#[test]
fn several_nodes_need_a_store_that_they_can_share() {
    let folder = tempdir().unwrap();
    let nodes = ["bench", "--quick", "--nodes", "2", "--store", "sqlite:one.db"];
    let (code, line) = failure(&run(folder.path(), &nodes));
    assert_eq!(code, 2, "{line}");
    assert!(line.contains("PostgreSQL"), "{line}");
}
