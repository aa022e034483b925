//! What is measured: figures by name, of one run, and of several together.

use std::collections::BTreeMap;

/// A figure's name for scripts, what it is called for a person, and how many digits behind the point it is told with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) digits: usize,
}

macro_rules! figures {
    ($($constant:ident = $name:literal, $label:literal, $digits:literal;)*) => {
        $(pub(super) const $constant: Figure = Figure { name: $name, label: $label, digits: $digits };)*
    };
}

figures! {
    ACCEPTED = "accepted", "messages accepted", 0;
    DELIVERED = "delivered", "messages delivered", 0;
    MISSING = "missing", "messages missing", 0;
    REPEATED = "repeated", "messages that arrived again", 0;
    BOUND = "boundPerSecond", "bare sender, requests/s", 0;
    CALLBACKS = "callbacksPerSecond", "callbacks/s, first publish to last arrival", 0;
    RATIO = "ratioToBound", "of the bare sender", 3;
    OF_TARGET = "ofTarget", "of what its target asks for", 2;
    ACCEPTED_RATE = "acceptedPerSecond", "accepted/s while publishing", 0;
    MEANWHILE_RATE = "callbacksPerSecondMeanwhile", "callbacks/s while publishing", 0;
    SERVER_CPU = "serverCpuSecondsPer1000", "server CPU s/1,000", 4;
    LOAD_CPU = "loadCpuSecondsPer1000", "load generator CPU s/1,000", 4;
    SINK_CPU = "sinkCpuSecondsPer1000", "sink CPU s/1,000", 4;
    ACCEPT_P50 = "acceptP50Ms", "accept p50, ms", 2;
    ACCEPT_P99 = "acceptP99Ms", "accept p99, ms", 2;
    ACCEPT_P999 = "acceptP999Ms", "accept p99.9, ms", 2;
    HAND_OFF_P50 = "handOffP50Ms", "hand-off p50, ms", 2;
    HAND_OFF_P99 = "handOffP99Ms", "hand-off p99, ms", 2;
    HAND_OFF_P999 = "handOffP999Ms", "hand-off p99.9, ms", 2;
    WHOLE_P50 = "wholeP50Ms", "whole p50, ms", 2;
    WHOLE_P99 = "wholeP99Ms", "whole p99, ms", 2;
    WHOLE_P999 = "wholeP999Ms", "whole p99.9, ms", 2;
    EARLY_ACCEPT_P99 = "firstSecondsAcceptP99Ms", "accept p99 in the first 5 s, ms", 2;
    EARLY_HAND_OFF_P99 = "firstSecondsHandOffP99Ms", "hand-off p99 in the first 5 s, ms", 2;
    BARE_ACCEPT_P50 = "bareAcceptP50Ms", "accept p50 of a bare acceptor, ms", 2;
    BARE_ACCEPT_P99 = "bareAcceptP99Ms", "accept p99 of a bare acceptor, ms", 2;
    SYNC_P50 = "fdatasyncP50Ms", "fdatasync p50, ms", 2;
    SYNC_P99 = "fdatasyncP99Ms", "fdatasync p99, ms", 2;
    RESIDENT = "residentMiB", "resident at the end, MiB", 1;
    PEAK = "peakResidentMiB", "resident at most, MiB", 1;
    COMMITS = "commitsPer1000", "commits for 1,000 callbacks", 1;
    WRITTEN = "writtenBytesPerMessage", "bytes written a message", 0;
    STORE_BYTES = "storeMiB", "store, MiB", 1;
    READY = "readyMs", "ready after start, ms", 0;
    BINARY = "binaryMiB", "program, MiB", 1;
    ALONE_P50 = "withoutTroubleP50Ms", "whole p50 without them, ms", 2;
    ALONE_P99 = "withoutTroubleP99Ms", "whole p99 without them, ms", 2;
    GOOD_P50 = "goodP50Ms", "whole p50 of the good ones, ms", 2;
    GOOD_P99 = "goodP99Ms", "whole p99 of the good ones, ms", 2;
    GOOD_RATIO = "goodP99Ratio", "p99 with them over without", 2;
    FEW_REGISTER_P50 = "fewRegisterP50Ms", "register p50 among few, ms", 2;
    FEW_LIST_P50 = "fewListP50Ms", "list p50 among few, ms", 3;
    REGISTER_P50 = "registerP50Ms", "register p50, ms", 2;
    REGISTER_P99 = "registerP99Ms", "register p99, ms", 2;
    LIST_P50 = "listP50Ms", "list p50, ms", 3;
    LIST_P99 = "listP99Ms", "list p99, ms", 3;
    REGISTER_RATIO = "registerRatio", "register p50 over that among few", 2;
    LIST_RATIO = "listRatio", "list p50 over that among few", 2;
}

/// One run's figures, in the order in which they were noted.
#[derive(Debug, Clone, Default)]
pub(super) struct Run(Vec<(Figure, f64)>);

impl Run {
    pub(super) fn note(&mut self, figure: Figure, value: f64) {
        self.0.push((figure, value));
    }

    /// The same, where there is one.
    pub(super) fn note_if(&mut self, figure: Figure, value: Option<f64>) {
        if let Some(value) = value {
            self.note(figure, value);
        }
    }
}

/// One figure over several runs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread {
    pub(super) figure: Figure,
    /// In the order of the runs.
    pub(super) runs: Vec<f64>,
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// Every figure of these runs, in the order of the first.
pub(super) fn spreads(runs: &[Run]) -> Vec<Spread> {
    let mut order = Vec::new();
    let mut values: BTreeMap<Figure, Vec<f64>> = BTreeMap::new();
    for (figure, value) in runs.iter().flat_map(|run| &run.0) {
        let of_figure = values.entry(*figure).or_default();
        if of_figure.is_empty() {
            order.push(*figure);
        }
        of_figure.push(*value);
    }
    order.into_iter().filter_map(|figure| Some(spread(figure, values.remove(&figure)?))).collect()
}

fn spread(figure: Figure, runs: Vec<f64>) -> Spread {
    let mut sorted = runs.clone();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let median =
        if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) };
    Spread { figure, runs, median, least: sorted[0], most: sorted[sorted.len() - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_between_the_least_and_the_most_of_the_runs() {
        let run = |rate, missing| {
            let mut run = Run::default();
            run.note(CALLBACKS, rate);
            run.note_if(MISSING, missing);
            run
        };
        let spreads = spreads(&[run(30.0, Some(0.0)), run(10.0, None), run(20.0, Some(1.0))]);
        let told: Vec<_> = spreads.iter().map(|one| (one.figure, one.median, one.least, one.most)).collect();
        assert_eq!(told, [(CALLBACKS, 20.0, 10.0, 30.0), (MISSING, 0.5, 0.0, 1.0)]);
    }
}
