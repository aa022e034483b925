//! A chart, drawn here: what was delivered goes up, what failed goes down, and what was accepted is a line over both.
//! Direction says what colour says, too, and the numbers stand below it in a table.

use maud::{Markup, html};

use super::words;

/// One step of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Step {
    /// When it began, as it is said.
    pub(super) label: String,
    /// Messages accepted.
    pub(super) accepted: u64,
    /// Messages delivered.
    pub(super) delivered: u64,
    /// Attempts that failed.
    pub(super) failed: u64,
}

/// What is drawn.
pub(super) struct Chart<'a> {
    /// What it shows.
    pub(super) title: &'a str,
    /// What a step is, such as "minute".
    pub(super) step: &'a str,
    /// Since when it counts, and where.
    pub(super) remark: &'a Markup,
    /// The steps, the oldest first.
    pub(super) steps: &'a [Step],
}

/// The drawing's height, and the least of it for what goes down.
const HEIGHT: f64 = 100.0;
const LEAST_DOWN: f64 = 14.0;
/// A step's width, and the gap in it.
const STEP: f64 = 10.0;
const GAP: f64 = 2.5;

impl Chart<'_> {
    /// The figure.
    pub(super) fn draw(&self) -> Markup {
        let sum = |of: fn(&Step) -> u64| self.steps.iter().map(of).sum::<u64>();
        let (accepted, delivered, failed) =
            (sum(|step| step.accepted), sum(|step| step.delivered), sum(|step| step.failed));
        let said = format!(
            "{}: {} accepted, {} delivered, {} failed",
            self.title,
            words::count(accepted),
            words::count(delivered),
            words::many(failed, "attempt", "attempts"),
        );
        html! {
            figure.chart {
                figcaption {
                    span.title { (self.title) }
                    span.legend {
                        span.key.accepted { (words::count(accepted)) " accepted" }
                        span.key.delivered { (words::count(delivered)) " delivered" }
                        span.key.failed { (words::count(failed)) " failed" }
                    }
                }
                div.plot {
                    span.most aria-hidden="true" { (words::count(self.most_up())) " a " (self.step) }
                    (self.svg(&said))
                }
                (self.labels())
                p.remark { (self.remark) }
                details {
                    summary { "The numbers" }
                    (self.table())
                }
            }
        }
    }

    fn most_up(&self) -> u64 {
        self.steps.iter().map(|step| step.accepted.max(step.delivered)).max().unwrap_or(0)
    }

    fn svg(&self, said: &str) -> Markup {
        let most_up = self.most_up();
        let most_down = self.steps.iter().map(|step| step.failed).max().unwrap_or(0);
        // Both directions have one scale, but what goes down always has room to be seen.
        let whole = (most_up + most_down).max(1) as f64;
        let down = if most_down == 0 {
            4.0
        } else {
            (HEIGHT * most_down as f64 / whole).clamp(LEAST_DOWN, HEIGHT * 0.6)
        };
        let (zero, scale_up) = (HEIGHT - down, (HEIGHT - down - 4.0) / most_up.max(1) as f64);
        let scale_down = (down - 1.0) / most_down.max(1) as f64;
        let width = STEP * self.steps.len().max(1) as f64;
        let mut line = String::new();
        for (at, step) in self.steps.iter().enumerate() {
            let (left, y) = (STEP * at as f64, zero - step.accepted as f64 * scale_up);
            let begin = if at == 0 { 'M' } else { 'L' };
            line.push_str(&format!("{begin}{left:.1} {y:.1}L{:.1} {y:.1}", left + STEP));
        }
        html! {
            svg viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(said) {
                @for (at, step) in self.steps.iter().enumerate() {
                    @let x = format!("{:.2}", STEP * at as f64 + GAP / 2.0);
                    @let bar = format!("{:.2}", STEP - GAP);
                    @let up = step.delivered as f64 * scale_up;
                    @let low = step.failed as f64 * scale_down;
                    @if step.delivered > 0 {
                        rect.delivered x=(x) y={ (format!("{:.2}", zero - up)) } width=(bar) height=(format!("{up:.2}")) {}
                    }
                    @if step.failed > 0 {
                        rect.failed x=(x) y=(format!("{:.2}", zero + 1.0)) width=(bar) height=(format!("{low:.2}")) {}
                    }
                }
                line.zero x1="0" x2=(width) y1=(format!("{zero:.2}")) y2=(format!("{zero:.2}")) {}
                path.accepted d=(line) {}
            }
        }
    }

    /// Five moments below it.
    fn labels(&self) -> Markup {
        let last = self.steps.len().saturating_sub(1);
        html! {
            div.moments aria-hidden="true" {
                @for fifth in 0..5 {
                    span { (self.steps.get(last * fifth / 4).map(|step| step.label.as_str()).unwrap_or_default()) }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            div.scroll { table {
                caption.hidden { (self.title) }
                thead { tr {
                    th scope="col" { "From" }
                    th.number scope="col" { "Accepted" }
                    th.number scope="col" { "Delivered" }
                    th.number scope="col" { "Failed attempts" }
                } }
                tbody {
                    @for step in self.steps.iter().rev() { tr {
                        th scope="row" { (step.label) }
                        td.number { (words::count(step.accepted)) }
                        td.number { (words::count(step.delivered)) }
                        td.number { (words::count(step.failed)) }
                    } }
                }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(steps: &[Step]) -> String {
        let remark = html! {};
        Chart { title: "The last hour", step: "minute", remark: &remark, steps }.draw().into_string()
    }

    #[test]
    fn a_chart_says_its_sums_and_draws_a_bar_for_each_step_in_which_something_happened() {
        let step =
            |accepted, delivered, failed| Step { label: "10:42".to_owned(), accepted, delivered, failed };
        let drawn = chart(&[step(3, 2, 0), step(0, 0, 0), step(1, 0, 1)]);
        assert!(
            drawn.contains("aria-label=\"The last hour: 4 accepted, 2 delivered, 1 attempt failed\""),
            "{drawn}"
        );
        assert_eq!(drawn.matches("<rect class=\"delivered\"").count(), 1);
        assert_eq!(drawn.matches("<rect class=\"failed\"").count(), 1);
    }

    #[test]
    fn nothing_at_all_is_a_chart_too() {
        for steps in [vec![], vec![Step::default(); 60]] {
            let drawn = chart(&steps);
            assert!(
                drawn.contains("0 accepted") && !drawn.contains("NaN") && !drawn.contains("inf"),
                "{drawn}"
            );
        }
    }
}
