//! What came out, as JSON and as tables.

use serde::Serialize;

use super::figures::{Figure, Spread};
use super::machine::Machine;
use super::scenario::Scenario;
use super::targets::{self, Checked};
use crate::table::Table;

/// What came out of one scenario.
pub(super) struct Result {
    pub(super) scenario: Scenario,
    pub(super) figures: Vec<Spread>,
}

/// What came out.
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) store: String,
    pub(super) nodes: usize,
    pub(super) runs: usize,
    pub(super) results: Vec<Result>,
}

impl Report {
    /// The median of a figure, where the scenario was run and has it.
    pub(super) fn median(&self, scenario: Scenario, figure: Figure) -> Option<f64> {
        let result = self.results.iter().find(|result| result.scenario == scenario)?;
        result.figures.iter().find(|spread| spread.figure == figure).map(|spread| spread.median)
    }

    /// What a script reads.
    pub(super) fn document(&self) -> impl Serialize {
        let figure = |spread: &Spread| FigureDocument {
            name: spread.figure.name,
            median: spread.median,
            min: spread.least,
            max: spread.most,
            runs: spread.runs.clone(),
        };
        let scenario = |result: &Result| ScenarioDocument {
            scenario: result.scenario.name(),
            figures: result.figures.iter().map(figure).collect(),
        };
        Document {
            version: env!("CARGO_PKG_VERSION"),
            machine: self.machine.clone(),
            store: self.store.clone(),
            nodes: self.nodes,
            runs: self.runs,
            scenarios: self.results.iter().map(scenario).collect(),
            targets: targets::check(self),
        }
    }

    /// What a person reads: a table for each scenario, and one of the targets.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{}; store: {}; nodes: {}; median of {} (least to most)",
            self.machine, self.store, self.nodes, self.runs
        );
        for result in &self.results {
            text.push_str(&format!(
                "\n\n{}: {}\n{}",
                result.scenario.name(),
                result.scenario.what(),
                table(&result.figures)
            ));
        }
        let targets = targets::check(self);
        if !targets.is_empty() {
            text.push_str(&format!("\n\nTargets\n{}", targets::table(&targets)));
        }
        text
    }
}

fn table(figures: &[Spread]) -> Table {
    let mut table = Table::new(&["FIGURE", "MEDIAN", "LEAST", "MOST"]);
    for spread in figures {
        let shown = |value| number(value, spread.figure.digits);
        table.row([
            spread.figure.label.to_owned(),
            shown(spread.median),
            shown(spread.least),
            shown(spread.most),
        ]);
    }
    table
}

/// A number with so many digits behind the point, and commas between thousands.
pub(super) fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if at > 0 && left % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[derive(Serialize)]
struct Document {
    version: &'static str,
    machine: Machine,
    store: String,
    nodes: usize,
    runs: usize,
    scenarios: Vec<ScenarioDocument>,
    targets: Vec<Checked>,
}

#[derive(Serialize)]
struct ScenarioDocument {
    scenario: String,
    figures: Vec<FigureDocument>,
}

#[derive(Serialize)]
struct FigureDocument {
    name: &'static str,
    median: f64,
    min: f64,
    max: f64,
    runs: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_between_thousands() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(-123.456, 2), "-123.46");
        assert_eq!(number(0.25, 3), "0.250");
    }
}
