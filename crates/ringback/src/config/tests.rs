#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::path::Path;

use super::*;
use crate::exit_code::ExitCode;
use flags::SettingFlags;
use setting::Kind;

fn layers(toml: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Outcome<Layers> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ringback.toml");
    std::fs::write(&path, toml).unwrap();
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let setting =
        |name: &str| SETTINGS.iter().copied().flatten().find(|setting| setting.name == name).unwrap();
    let given = flags.iter().map(|(name, value)| (setting(name), vec![(*value).to_owned()])).collect();
    Layers::gather(Some(&path), variables, &SettingFlags { given })
}

fn config(toml: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Outcome<Config> {
    Config::read(&layers(toml, variables, flags)?)
}

#[test]
fn a_flag_counts_more_than_a_variable_and_that_more_than_the_file() {
    let toml = "listen = '127.0.0.1:1'\nconnect-timeout = '1s'\nmax-age = '1d'";
    let variables = [("RINGBACK_SERVER_LISTEN", "127.0.0.1:2"), ("RINGBACK_SERVER_CONNECT_TIMEOUT", "2s")];
    let config = config(toml, &variables, &[("listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(config.listening.listen.port(), 3);
    assert_eq!(config.delivery.connect_timeout.as_secs(), 2);
    assert_eq!(config.delivery.max_age.as_secs(), 24 * 3600);
}

#[test]
fn an_unknown_key_and_an_unknown_variable_are_refused_by_name() {
    let key = config("lisen = 'x'", &[], &[]).unwrap_err();
    assert!(key.to_string().contains("\"lisen\""), "{key}");
    assert_eq!(key.code(), ExitCode::Configuration);
    let variable = config("", &[("RINGBACK_SERVER_EGRES", "any")], &[]).unwrap_err();
    assert!(variable.to_string().contains("RINGBACK_SERVER_EGRES"), "{variable}");
    config("", &[("RINGBACK_URL", "x"), ("RINGBACKX", "y")], &[]).unwrap();
}

#[test]
fn an_address_that_others_can_reach_wants_tls_or_a_proxy_or_the_word_insecure() {
    for reachable in ["0.0.0.0:80", "10.0.0.1:80", "[::]:80"] {
        let error = config("", &[], &[("listen", reachable)]).unwrap_err();
        assert_eq!(error.code(), ExitCode::Configuration);
        assert!(error.to_string().contains("--behind-proxy"), "{error}");
        config("tls-cert = 'c.pem'\ntls-key = 'k.pem'", &[], &[("listen", reachable)]).unwrap();
        config("behind-proxy = true", &[], &[("listen", reachable)]).unwrap();
        config("insecure-http = true", &[], &[("listen", reachable)]).unwrap();
    }
    config("", &[], &[("listen", "[::1]:80")]).unwrap();
}

#[test]
fn an_admin_address_that_others_can_reach_wants_tls_whatever_is_said_of_a_proxy() {
    let admin = [("admin-listen", "10.0.0.21:9090")];
    for toml in ["", "behind-proxy = true", "behind-proxy = true\ntrusted-proxy = ['10.0.0.10']"] {
        let error = config(toml, &[], &admin).unwrap_err();
        assert_eq!(error.code(), ExitCode::Configuration);
        assert!(error.to_string().contains("10.0.0.21:9090"), "{error}");
    }
    config("tls-cert = 'c.pem'\ntls-key = 'k.pem'", &[], &admin).unwrap();
    config("insecure-http = true", &[], &admin).unwrap();
    config("behind-proxy = true", &[], &[("listen", "10.0.0.1:80"), ("admin-listen", "127.0.0.1:9")])
        .unwrap();
}

#[test]
fn clients_behind_a_proxy_of_another_machine_are_told_apart_once_it_is_trusted() {
    let confuses = |toml: &str| config(toml, &[], &[]).unwrap().listening.confuses_clients();
    assert!(confuses("listen = '0.0.0.0:80'\nbehind-proxy = true"));
    assert!(!confuses("listen = '0.0.0.0:80'\nbehind-proxy = true\ntrusted-proxy = ['10.0.0.10']"));
    assert!(!confuses("behind-proxy = true"));
    assert!(!confuses("listen = '0.0.0.0:80'\ninsecure-http = true"));
}

#[test]
fn a_password_in_the_store_s_url_is_never_repeated_and_never_an_argument() {
    const URL: &str = "postgres://me:hunter2@db/x";
    let given = layers(&format!("store = '{URL}'"), &[], &[]).unwrap();
    let shown = Config::read(&given).unwrap().show(&given);
    assert!(
        shown.contains("postgres://me@db:5432/x?sslmode=verify-full") && !shown.contains("hunter2"),
        "{shown}"
    );
    config("", &[("RINGBACK_SERVER_STORE", URL)], &[]).unwrap();
    let error = config("", &[], &[("store", URL)]).unwrap_err().to_string();
    assert!(error.contains("PGPASSWORD") && !error.contains("hunter2"), "{error}");
    let error = config("store = 'postgres://me:hunter2@db'", &[], &[]).unwrap_err().to_string();
    assert!(error.contains("no database") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_lease_outlasts_a_request() {
    let settings = |store: &str, term: &str| {
        config(&format!("store = '{store}'\nlease-term = '{term}'\nrequest-timeout = '8s'"), &[], &[])
    };
    settings("postgres://u@db/x", "12s").unwrap();
    settings("sqlite:x", "1s").unwrap();
    let error = settings("postgres://u@db/x", "11s").unwrap_err().to_string();
    assert!(error.contains("lease-term") && error.contains("12s"), "{error}");
}

#[test]
fn a_node_needs_some_connections() {
    config("store-connections = '5'", &[], &[]).unwrap();
    let error = config("store-connections = '4'", &[], &[]).unwrap_err().to_string();
    assert!(error.contains("5 at least"), "{error}");
}

#[test]
fn a_wrong_value_names_its_place() {
    let file = config("allow-port = [80, 'x']", &[], &[]).unwrap_err();
    assert!(file.to_string().contains("allow-port in "), "{file}");
    let variable = config("", &[("RINGBACK_SERVER_ALLOW_NETWORK", "10.0.0.0/8, 1.2.3/99")], &[]).unwrap_err();
    assert!(variable.to_string().contains("RINGBACK_SERVER_ALLOW_NETWORK"), "{variable}");
    let flag = config("", &[], &[("egress", "all")]).unwrap_err();
    assert!(flag.to_string().contains("--egress"), "{flag}");
    assert_eq!(flag.code(), ExitCode::Usage);
    assert!(config("behind-proxy = 'yes'", &[], &[]).is_err());
}

#[test]
fn what_is_shown_can_be_given_back_and_names_every_setting() {
    let given = layers(
        "allow-network = ['10.0.0.0/8', '192.0.2.7']\nallow-port = [443, 8443]",
        &[("RINGBACK_SERVER_REQUEST_TIMEOUT", "1500ms")],
        &[("egress", "private")],
    )
    .unwrap();
    let shown = Config::read(&given).unwrap().show(&given);
    for setting in SETTINGS.iter().copied().flatten() {
        assert!(shown.contains(&format!("{} ", setting.name)), "{} is not shown in\n{shown}", setting.name);
    }
    let mut again = Layers::default();
    again.add_toml(Path::new("shown.toml"), &shown).unwrap();
    let again_config = Config::read(&again).unwrap();
    let strip = |text: String| -> Vec<String> {
        text.lines().map(|line| line.split("  # ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(strip(again_config.show(&again)), strip(shown));
    assert_eq!(again_config.delivery.request_timeout.as_millis(), 1500);
}

#[test]
fn every_setting_has_its_own_name() {
    let mut names: Vec<_> = SETTINGS.iter().copied().flatten().map(|setting| setting.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(SETTINGS.iter().copied().flatten().any(|setting| setting.kind == Kind::Many));
}

#[test]
fn a_ratio_of_traces_is_a_number_from_0_to_1() {
    for ratio in ["0.25", "'0.25'"] {
        let config =
            config(&format!("otlp-endpoint = 'http://c:4318'\notlp-sample-ratio = {ratio}"), &[], &[]);
        let settings = config.unwrap().tracing.settings().unwrap();
        assert_eq!((settings.ratio, settings.url.as_str()), (0.25, "http://c:4318/v1/traces"));
    }
    for wrong in ["1.5", "-1", "NaN", "all"] {
        let error = config("", &[], &[("otlp-sample-ratio", wrong)]).unwrap_err();
        assert!(error.to_string().contains("from 0 to 1"), "{error}");
    }
    let error = config("otlp-endpoint = 'collector:4318/secret'", &[], &[]).unwrap_err().to_string();
    assert!(error.contains("otlp-endpoint") && !error.contains("secret"), "{error}");
    assert!(config("", &[], &[]).unwrap().tracing.settings().is_none());
}
