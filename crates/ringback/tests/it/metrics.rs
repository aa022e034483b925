//! `/metrics` of a real server: who may read it, that it says what happened, and that Prometheus likes it.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use ringback_testbed::looking;
use serde_json::Value;

use crate::api::{Api, Tokens};
use crate::credentials::create;
use crate::house::House;
use crate::receiver::Receiver;
use crate::tools::{content, deploy, tool};

pub(crate) struct Scraper {
    api: Api,
    tokens: Tokens,
}

impl Scraper {
    pub(crate) async fn of(house: &House) -> Self {
        let api = Api::new(&house.url);
        let secrets = create(house.folder(), "prometheus", "*", "operate");
        let (_, answer) = api.token(&secrets).await;
        let bearer = crate::api::text(&answer["access_token"]);
        Self { api, tokens: Tokens { bearer, session: String::new() } }
    }

    async fn text(&self) -> String {
        let (status, text) = self.api.text("/metrics", &self.tokens).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        text
    }

    /// The samples by their name and labels, once they are as the test wants them.
    pub(crate) async fn until(
        &self,
        what: &str,
        enough: impl Fn(&BTreeMap<String, f64>) -> bool,
    ) -> BTreeMap<String, f64> {
        let scrape = async || {
            let text = self.text().await;
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let samples: BTreeMap<String, f64> = lines
                .map(|line| line.rsplit_once(' ').unwrap())
                .map(|(name, number)| (name.to_owned(), number.parse().unwrap()))
                .collect();
            if enough(&samples) { Ok(samples) } else { Err(text) }
        };
        looking::until(what, scrape).await
    }
}

#[tokio::test]
async fn the_numbers_are_those_of_what_happened() {
    let house = House::start();
    let scraper = Scraper::of(&house).await;
    let receiver = Receiver::answering(200).await;
    house.register(&receiver.url());
    house.publish("one");
    house.publish("two");
    receiver.requests(2).await;
    receiver.answer(410);
    house.publish("three");
    receiver.requests(3).await;
    let seen = scraper
        .until("the suspended lane", |samples| {
            samples["ringback_lanes{state=\"suspended\"}"] == 1.0
                && samples["ringback_messages_pending"] == 1.0
                && samples["ringback_oldest_pending_age_seconds{lane=\"any\"}"] > 0.0
        })
        .await;
    let is = |name: &str, number: f64| assert_eq!(seen.get(name), Some(&number), "{name}");
    is("ringback_messages_accepted_total", 3.0);
    is("ringback_messages_delivered_total", 2.0);
    is("ringback_messages_dead_total", 0.0);
    is("ringback_messages_cancelled_total", 0.0);
    is("ringback_messages_kept{state=\"delivered\"}", 2.0);
    is("ringback_attempts_total{class=\"success\",result=\"2xx\"}", 2.0);
    is("ringback_attempts_total{class=\"gone\",result=\"4xx\"}", 1.0);
    is("ringback_accept_duration_seconds_count", 3.0);
    is("ringback_handoff_duration_seconds_count", 3.0);
    is("ringback_first_answer_duration_seconds_count", 3.0);
    is("ringback_attempt_duration_seconds_count{class=\"success\"}", 2.0);
    is("ringback_commit_accepted_messages_sum", 3.0);
    is("ringback_commit_recorded_outcomes_sum", 3.0);
    is("ringback_open_requests{pool=\"young\"}", 0.0);
    is("ringback_oldest_pending_age_seconds{lane=\"active\"}", 0.0);
    assert!(seen["ringback_commit_duration_seconds_count"] >= 3.0);
    assert!(seen["ringback_store_size_bytes"] > 0.0 && seen["ringback_store_free_bytes"] > 0.0);
    assert!(seen["process_resident_memory_bytes"] > 0.0 && seen["process_max_fds"] > 0.0);

    house.printed(&["callbacks", "deregister", crate::house::ACCOUNT]);
    let seen = scraper
        .until("the cancelled message", |samples| samples["ringback_messages_cancelled_total"] == 1.0)
        .await;
    let moved = |name: &str| seen[&format!("ringback_messages_{name}_total")];
    assert_eq!(
        moved("accepted") + moved("replayed"),
        moved("delivered") + moved("dead") + moved("cancelled")
    );
}

#[tokio::test]
async fn only_who_operates_on_all_accounts_reads_them() {
    let house = House::start();
    let api = Api::new(&house.url);
    let (status, _) = api.text("/metrics", &Tokens::default()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    for (name, account, scope) in
        [("one", crate::house::ACCOUNT, "operate"), ("all", "*", "callbacks,publish")]
    {
        let secrets = create(house.folder(), name, account, scope);
        let (_, answer) = api.token(&secrets).await;
        let tokens = Tokens { bearer: crate::api::text(&answer["access_token"]), session: String::new() };
        assert_eq!(api.text("/metrics", &tokens).await.0, StatusCode::FORBIDDEN, "{name}");
    }
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_with_the_metrics_and_no_label_names_an_account() {
    let house = House::start();
    let receiver = Receiver::answering(200).await;
    house.register(&receiver.url());
    house.publish("one");
    receiver.requests(1).await;
    let text = Scraper::of(&house).await.text().await;
    assert!(!text.contains(crate::house::ACCOUNT) && !text.contains("account="), "{text}");
    if let Some(mut promtool) = tool("promtool") {
        content(promtool.args(["check", "metrics"]), &text);
    }
}

#[test]
fn the_alerts_fire_when_they_should_and_promtool_likes_the_scrape_configuration() {
    let Some(mut promtool) = tool("promtool") else { return };
    content(promtool.args(["check", "rules"]).arg(deploy("prometheus/ringback.rules.yml")), "");
    let Some(mut promtool) = tool("promtool") else { return };
    content(promtool.args(["test", "rules"]).arg(deploy("prometheus/ringback.rules.test.yml")), "");
    let Some(mut promtool) = tool("promtool") else { return };
    content(promtool.args(["check", "config", "--syntax-only"]).arg(deploy("prometheus/prometheus.yml")), "");
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_name_only_metrics_that_there_are() {
    let house = House::start();
    let text = Scraper::of(&house).await.text().await;
    let there: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect();
    // Only with PostgreSQL: tests/it/postgres.rs sees it there.
    let there: BTreeSet<&str> = there.into_iter().chain(["ringback_oldest_snapshot_age_seconds"]).collect();
    let rules = std::fs::read_to_string(deploy("prometheus/ringback.rules.yml")).unwrap();
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(deploy("grafana/ringback.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut asked: Vec<String> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned).collect();
    assert!(asked.len() >= 10, "the rules have expressions");
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        asked.push(crate::api::text(&target["expr"]));
    }
    let mut named = BTreeSet::new();
    for word in asked.iter().flat_map(|expr| expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')) {
        if word.starts_with("ringback_") || word.starts_with("process_") {
            assert!(there.contains(word), "there is no {word}");
            named.insert(word);
        }
    }
    assert!(named.len() > 20, "{named:?}");
}
