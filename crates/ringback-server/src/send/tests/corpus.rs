//! The corpus of hosts, under each mode.

use super::*;

const CORPUS: &str = include_str!("../egress_corpus.txt");

const MODES: [EgressMode; 3] = [EgressMode::Public, EgressMode::Private, EgressMode::Any];

fn verdict(host: &str, mode: EgressMode) -> &'static str {
    let Ok(url) = CallbackUrl::parse(&format!("http://{host}/")) else { return "invalid" };
    let policy = EgressPolicy::new(mode).allow_http(true);
    url.precheck(&policy).map_or_else(|refusal| refusal.class().name(), |()| "ok")
}

#[test]
fn each_host_of_the_corpus_gets_its_verdict_in_each_mode() {
    let mut wrong = Vec::new();
    let lines = CORPUS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let [host, ref wanted @ ..] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
            panic!("no host: {line}")
        };
        let got = MODES.map(|mode| verdict(host, mode));
        if wanted != got {
            wrong.push(format!("{host}: wanted {wanted:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn whatever_a_narrower_mode_passes_a_wider_one_passes_too() {
    let lines = CORPUS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for host in lines.filter_map(|line| line.split_ascii_whitespace().next()) {
        let passes = MODES.map(|mode| verdict(host, mode) == "ok");
        assert!(passes.is_sorted(), "{host}: {passes:?}");
    }
}
