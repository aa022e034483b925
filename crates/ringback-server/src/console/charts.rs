//! The charts of the service and of an account: what this process counted, and since when.

use maud::{Markup, html};
use ringback_delivery::{AccountId, Timestamp};

use super::chart::{Chart, Step};
use super::visitor::Visitor;
use super::{Console, when};
use crate::live::MinuteOfAccount;
use crate::metrics::Minute;

const MINUTE_MILLIS: i64 = 60_000;
/// In minutes.
const HOUR: usize = 60;
const DAY: usize = 24 * HOUR;
const QUARTER: usize = 15;

/// The last hour, and the last day, of all that the visitor sees. For a part of all accounts only the hour is counted.
pub(super) fn of_service(console: &Console, visitor: &Visitor) -> Markup {
    let now = console.now();
    let remark = remark(console, now);
    let hour_and =
        |steps: &[Step]| Chart { title: "The last hour", step: "minute", remark: &remark, steps }.draw();
    if !visitor.reaches_everything() {
        let hour = steps(now, &console.0.live.hour_within(visitor.principal.reach()));
        return html! { div.only { (hour_and(&hour)) } };
    }
    let minutes = console.0.api.metrics.minutes();
    let hour: Vec<Step> = minutes.recent(now, HOUR).iter().map(|minute| together(&[*minute])).collect();
    let day = minutes.recent(now, DAY);
    // The quarters of an hour end with the present minute, so that none is there in part.
    let day: Vec<Step> = day.chunks(QUARTER).map(together).collect();
    html! {
        (hour_and(&hour))
        (Chart { title: "The last day", step: "quarter of an hour", remark: &remark, steps: &day }.draw())
    }
}

/// Minutes that follow one another, as one step.
fn together(minutes: &[Minute]) -> Step {
    let sum = |of: fn(&Minute) -> u64| minutes.iter().map(of).sum();
    Step {
        label: minutes.first().map(|first| when::minute(first.start)).unwrap_or_default(),
        accepted: sum(|minute| minute.accepted),
        delivered: sum(|minute| minute.delivered),
        failed: sum(|minute| minute.failed_attempts),
    }
}

/// The last hour of an account.
pub(super) fn of_account(console: &Console, account: AccountId) -> Markup {
    let now = console.now();
    let hour = steps(now, &console.0.live.hour(account));
    let remark = remark(console, now);
    Chart { title: "The last hour", step: "minute", remark: &remark, steps: &hour }.draw()
}

fn steps(now: Timestamp, minutes: &[MinuteOfAccount]) -> Vec<Step> {
    let last = now.as_millis().div_euclid(MINUTE_MILLIS);
    let first = last + 1 - i64::try_from(minutes.len()).unwrap_or(0);
    let starts = (first..).map(|minute| Timestamp::from_millis(minute * MINUTE_MILLIS));
    let step = |(start, minute): (Timestamp, &MinuteOfAccount)| Step {
        label: when::minute(start),
        accepted: minute.accepted.into(),
        delivered: minute.delivered.into(),
        failed: minute.failed.into(),
    };
    starts.zip(minutes).map(step).collect()
}

fn remark(console: &Console, now: Timestamp) -> Markup {
    html! { "Counted by this node since " (when::clock(console.0.live.since(), now)) "." }
}
