//! The chart for the docs: throughput beside what HTTP alone allows, and latencies at a pace, as one SVG.

use std::fmt::Write as _;

use super::figures::{self, Figure};
use super::report::{Report, number};
use super::scenario::Scenario;

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 250.0;
const LONGEST: f64 = 400.0;
const ROW: f64 = 22.0;
const BOUND_COLOUR: &str = "#c9ced6";
const COLOUR: &str = "#2f6fdb";
const LIGHT_COLOUR: &str = "#8db4f0";

/// A bar: what it is called, how long it is, what is written behind it.
struct Bar {
    label: String,
    value: f64,
    told: String,
    colour: &'static str,
}

/// The chart of all that was measured.
pub(super) fn draw(report: &Report) -> String {
    let mut body = String::new();
    let mut y = 16.0;
    for (heading, bars) in
        [("callbacks a second", throughput(report)), ("publish to arrival at a pace, ms", latencies(report))]
    {
        if !bars.is_empty() {
            panel(&mut body, &mut y, heading, &bars);
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn throughput(report: &Report) -> Vec<Bar> {
    let mut bars = Vec::new();
    let with_bound = report.results.iter().filter_map(|result| {
        let scenario = result.scenario;
        let median = |figure: Figure| report.median(scenario, figure);
        Some((scenario, median(figures::CALLBACKS)?, median(figures::BOUND)?, median(figures::RATIO)?))
    });
    for (scenario, callbacks, bound, ratio) in with_bound {
        let name = scenario.name();
        let of_bound = format!("{} ({} of the bound)", number(callbacks, 0), number(ratio, 2));
        bars.push(Bar { label: name, value: callbacks, told: of_bound, colour: COLOUR });
        let told = number(bound, 0);
        bars.push(Bar { label: "bare sender".to_owned(), value: bound, told, colour: BOUND_COLOUR });
    }
    bars
}

fn latencies(report: &Report) -> Vec<Bar> {
    let paces = [Scenario::Pace100, Scenario::Pace500, Scenario::Pace2000, Scenario::Pace5000];
    let mut bars = Vec::new();
    for pace in paces {
        for (percentile, figure, colour) in
            [("p50", figures::WHOLE_P50, LIGHT_COLOUR), ("p99", figures::WHOLE_P99, COLOUR)]
        {
            if let Some(value) = report.median(pace, figure) {
                let label = format!("{} {percentile}", pace.name());
                bars.push(Bar { label, value, told: number(value, 2), colour });
            }
        }
    }
    bars
}

fn panel(body: &mut String, y: &mut f64, heading: &str, bars: &[Bar]) {
    let most = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    *y += ROW;
    // Writing into a string can't fail.
    let _ = writeln!(body, "<text x=\"12\" y=\"{:.0}\" font-weight=\"bold\">{heading}</text>", *y - 8.0);
    for Bar { label, value, told, colour } in bars {
        let length = value / most * LONGEST;
        let (text_y, behind) = (*y + 14.0, LEFT + length + 6.0);
        let _ = writeln!(
            body,
            "<text x=\"{:.0}\" y=\"{text_y:.0}\" text-anchor=\"end\">{label}</text>\
             <rect x=\"{LEFT:.0}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{behind:.1}\" y=\"{text_y:.0}\">{told}</text>",
            LEFT - 8.0,
            *y + 2.0,
        );
        *y += ROW;
    }
    *y += ROW / 2.0;
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Run, spreads};
    use super::super::machine::Machine;
    use super::super::report::Result;
    use super::*;

    #[test]
    fn the_longest_bar_is_the_bound_and_the_others_are_in_proportion() {
        let mut run = Run::default();
        run.note(figures::CALLBACKS, 20_000.0);
        run.note(figures::BOUND, 80_000.0);
        run.note(figures::RATIO, 0.25);
        let result = Result { scenario: Scenario::Batches, figures: spreads(&[run]) };
        let report = Report {
            machine: Machine::look(),
            store: "sqlite".to_owned(),
            nodes: 1,
            runs: 1,
            results: vec![result],
        };
        let drawn = draw(&report);
        assert!(drawn.contains("width=\"400.0\"") && drawn.contains("width=\"100.0\""), "{drawn}");
        assert!(drawn.contains("20,000 (0.25 of the bound)") && drawn.ends_with("</svg>\n"), "{drawn}");
    }
}
