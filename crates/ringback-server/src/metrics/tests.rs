//! What the instruments say.

use std::time::Duration;

use ringback_delivery::{Failure, Outcome};
use ringback_store::{Commit, Movements};

use super::{Metrics, Told};

#[test]
fn every_outcome_counts_in_its_class_and_by_what_came_back() {
    let metrics = Metrics::default();
    let answered = |status| Outcome::Answered { status, retry_after: None };
    for outcome in [answered(204), answered(410), answered(429), answered(503), answered(400), answered(302)]
    {
        metrics.attempted(&outcome, Duration::from_millis(3));
    }
    metrics.attempted(&Outcome::NotStarted, Duration::ZERO);
    for failure in Failure::ALL {
        metrics.attempted(&Outcome::Failed(failure), Duration::from_secs(1));
    }
    let text = metrics.render();
    for (class, result) in [
        ("success", "2xx"),
        ("gone", "4xx"),
        ("endpoint_failure", "4xx"),
        ("endpoint_failure", "5xx"),
        ("message_failure", "4xx"),
        ("message_failure", "3xx"),
        ("endpoint_failure", "resolve"),
        ("endpoint_failure", "protocol"),
    ] {
        let line = format!("ringback_attempts_total{{class=\"{class}\",result=\"{result}\"}} 1\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(text.contains("ringback_attempt_duration_seconds_count{class=\"endpoint_failure\"} 8\n"));
    assert_eq!(metrics.0.attempts.failed(), 11);
}

#[test]
fn what_is_refused_counts_where_it_is_not_the_message_s_own_fault() {
    let metrics = Metrics::default();
    for status in [429, 503, 503, 400, 500] {
        metrics.refused(http::StatusCode::from_u16(status).unwrap());
    }
    let text = metrics.render();
    assert!(text.contains("ringback_messages_refused_total{code=\"429\"} 1\n"), "{text}");
    assert!(text.contains("ringback_messages_refused_total{code=\"503\"} 2\n"), "{text}");
    assert!(!text.contains("code=\"400\""), "{text}");
}

#[test]
fn a_commit_counts_what_it_moved_and_a_batch_that_moved_nothing_is_no_batch() {
    let metrics = Metrics::default();
    let moved = Movements { accepted: 3, delivered: 2, outcomes: 4, ..Movements::default() };
    metrics.committed(Commit { took: Duration::from_millis(7), moved });
    metrics.committed(Commit::default());
    let text = metrics.render();
    for line in [
        "ringback_messages_accepted_total 3",
        "ringback_messages_delivered_total 2",
        "ringback_messages_dead_total 0",
        "ringback_commit_duration_seconds_count 2",
        "ringback_commit_accepted_messages_sum 3",
        "ringback_commit_accepted_messages_count 1",
        "ringback_commit_recorded_outcomes_bucket{le=\"4\"} 1",
    ] {
        assert!(text.lines().any(|said| said == line), "{line}\n{text}");
    }
}

#[test]
fn events_are_counted_by_what_became_of_them_and_show_before_there_are_any() {
    let metrics = Metrics::default();
    metrics.told(Told::Sent);
    metrics.told(Told::Sent);
    metrics.told(Told::Failed);
    let text = metrics.render();
    for (outcome, count) in [("sent", 2), ("suppressed", 0), ("failed", 1), ("dropped", 0)] {
        let line = format!("ringback_operator_events_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
}
