//! Moments, as a person reads them: how long ago, and exactly when where one looks closer.

use std::time::Duration;

use maud::{Markup, html};
use ringback_delivery::Timestamp;

use super::words;

/// How long ago, or how soon, this was or will be.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    let said = if at <= now {
        format!("{} ago", words::span(now.since(at)))
    } else {
        format!("in {}", words::span(at.since(now)))
    };
    element(at, &said)
}

/// How long it has lasted.
pub(super) fn lasting(since: Timestamp, now: Timestamp) -> Markup {
    element(since, &words::span(now.since(since)))
}

/// The time of day, with the day where it is not today.
pub(super) fn clock(at: Timestamp, now: Timestamp) -> Markup {
    let whole = full(at);
    let today = full(now);
    let said = if whole.get(..10) == today.get(..10) { whole.get(11..19) } else { whole.get(..19) };
    element(at, said.unwrap_or(&whole))
}

/// A moment as the API writes it.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_millis(at.as_millisecond()))
}

/// How long ago a moment was that the API wrote.
pub(super) fn ago_text(text: &str, now: Timestamp) -> Markup {
    parse(text).map_or_else(|| html! { (text) }, |at| ago(at, now))
}

/// How long something has lasted since a moment that the API wrote.
pub(super) fn lasting_text(text: &str, now: Timestamp) -> Markup {
    parse(text).map_or_else(|| html! { (text) }, |at| lasting(at, now))
}

/// The time of day of a moment that the API wrote.
pub(super) fn clock_text(text: &str, now: Timestamp) -> Markup {
    parse(text).map_or_else(|| html! { (text) }, |at| clock(at, now))
}

/// What a field for a date and a time holds, as the API reads it: in UTC.
pub(super) fn of_input(text: &str) -> Option<String> {
    let text = text.trim();
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?.to_string())
}

/// `10:42:00.123` of a moment.
pub(super) fn second(at: Timestamp) -> String {
    full(at).get(11..23).unwrap_or_default().to_owned()
}

/// `10:42` of a moment.
pub(super) fn minute(at: Timestamp) -> String {
    full(at).get(11..16).unwrap_or_default().to_owned()
}

/// `2026-01-01 10:42:00.123 UTC`.
fn full(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

fn element(at: Timestamp, said: &str) -> Markup {
    let whole = full(at);
    html! { time datetime=(whole.replacen(' ', "T", 1).replace(" UTC", "Z")) title=(whole) { (said) } }
}

/// A span in milliseconds, as attempts take.
pub(super) fn took(millis: u64) -> String {
    match millis {
        0 => "less than 1 ms".to_owned(),
        1..10_000 => format!("{millis} ms"),
        _ => words::span(Duration::from_millis(millis)),
    }
}

/// A sentence of the API's, its moments written as a person reads them.
pub(super) fn in_sentence(sentence: &str, now: Timestamp) -> Markup {
    let words = sentence.split(' ').map(|word| {
        let moment = word.trim_end_matches([':', ',', ';', '.']);
        let is_moment = moment.len() > 10 && moment.as_bytes().get(10) == Some(&b'T');
        let rest = word.strip_prefix(moment).unwrap_or_default();
        match parse(moment).filter(|_| is_moment) {
            Some(at) => html! { (clock(at, now)) (rest) },
            None => html! { (word) },
        }
    });
    html! { @for (at, word) in words.enumerate() { @if at > 0 { " " } (word) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_516_920_000); // 2026-11-24T10:42:00Z

    #[test]
    fn a_moment_is_said_as_a_span_and_told_exactly() {
        let before = NOW.before(Duration::from_secs(190));
        assert_eq!(
            ago(before, NOW).into_string(),
            "<time datetime=\"2026-11-24T10:38:50.000Z\" title=\"2026-11-24 10:38:50.000 UTC\">3 min ago</time>"
        );
        assert!(ago(NOW.after(Duration::from_secs(5)), NOW).into_string().contains(">in 5 s<"));
        assert!(clock(before, NOW).into_string().contains(">10:38:50<"));
        assert!(
            clock(NOW.before(Duration::from_secs(86_400)), NOW)
                .into_string()
                .contains(">2026-11-23 10:42:00<")
        );
    }

    #[test]
    fn a_sentences_moments_are_read_and_all_else_is_escaped() {
        let said = in_sentence("on hold since 2026-11-24T10:40:00Z: <it> answered 503; 2 pending", NOW)
            .into_string();
        assert!(said.starts_with("on hold since <time datetime=\"2026-11-24T10:40:00.000Z\""), "{said}");
        assert!(said.ends_with(">10:40:00</time>: &lt;it&gt; answered 503; 2 pending"), "{said}");
    }
}
