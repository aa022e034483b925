//! The examples in `deploy/`, as far as they can be checked without running a container or an init system.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use serde_json::Value;

use crate::program::{printed, run_with};
use crate::tools::{content, deploy, tool};

fn read(path: &str) -> String {
    std::fs::read_to_string(deploy(path)).unwrap()
}

/// What `serve` makes of these variables and arguments, without starting.
#[track_caller]
fn shown(variables: &[(&str, &str)], args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    printed(&run_with(folder.path(), &[args, &["--print-config"]].concat(), variables, ""))
}

/// The unit with the program that was built in place of the one that would be installed.
fn unit(folder: &Path) -> std::path::PathBuf {
    let unit =
        read("systemd/ringback.service").replace("/usr/local/bin/ringback", env!("CARGO_BIN_EXE_ringback"));
    let path = folder.join("ringback.service");
    std::fs::write(&path, unit).unwrap();
    path
}

/// The arguments with which the unit starts the program, with this file in place of the settings that it names.
pub(crate) fn unit_s_arguments(settings: &Path) -> Vec<String> {
    let unit = read("systemd/ringback.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/ringback ")).unwrap();
    assert!(line.contains("/etc/ringback/ringback.toml"), "{line}");
    let line = line.replace("/etc/ringback/ringback.toml", settings.to_str().unwrap());
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn systemd_takes_the_unit_and_finds_it_hardened() {
    let folder = tempfile::tempdir().unwrap();
    let path = unit(folder.path());
    let Some(mut verify) = tool("systemd-analyze") else { return };
    assert_eq!(content(verify.arg("verify").arg(&path), ""), "");
    let Some(mut security) = tool("systemd-analyze") else { return };
    // Of 100; a unit that says nothing of its security has 96.
    content(security.args(["security", "--offline=true", "--threshold=15", "--no-pager"]).arg(&path), "");

    // With what a node of several needs beside it; a mistake there is told in the same way.
    let beside = folder.path().join("ringback.service.d");
    std::fs::create_dir(&beside).unwrap();
    std::fs::copy(deploy("several-machines/ringback.conf"), beside.join("several-machines.conf")).unwrap();
    let Some(mut verify) = tool("systemd-analyze") else { return };
    assert_eq!(content(verify.arg("verify").arg(&path), ""), "");
}

#[test]
fn the_command_of_the_unit_is_one_that_serve_understands() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ringback.toml");
    let shown_with = |settings: &str| {
        std::fs::write(&file, settings).unwrap();
        let args = unit_s_arguments(&file);
        shown(&[], &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // In the folder that is the service's own.
    let unit = read("systemd/ringback.service");
    for line in ["WorkingDirectory=%S/ringback", "StateDirectory=ringback"] {
        assert!(unit.lines().any(|has| has == line), "{line}");
    }
    let shown = shown_with("egress = \"private\"\n");
    assert!(shown.contains("store = \"sqlite:ringback.db\""), "{shown}");
    // What the settings say counts.
    let shown = shown_with("store = \"sqlite:/elsewhere/ringback.db\"\n");
    assert!(shown.contains("store = \"sqlite:/elsewhere/ringback.db\""), "{shown}");
}

#[test]
fn the_image_runs_as_nobody_and_its_settings_are_settings() {
    let text = read("docker/Dockerfile").replace(" \\\n", " ");
    let last = text.split("FROM ").last().unwrap();
    let user = last.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(user.split(':').all(|id| id.parse::<u32>().unwrap() > 0), "{user}");
    assert!(last.starts_with("gcr.io/distroless/static"), "{last}");
    let settings: Vec<(&str, &str)> = last
        .lines()
        .filter_map(|line| line.strip_prefix("ENV "))
        .flat_map(str::split_whitespace)
        .map(|pair| pair.split_once('=').unwrap())
        .collect();
    assert!(settings.len() >= 3);
    let shown = shown(&settings, &["serve"]);
    assert!(shown.contains("listen = \"0.0.0.0:8080\"  # RINGBACK_SERVER_LISTEN"), "{shown}");
    knows_its_proxy_and_name(&shown);
    let wanted = format!("FROM rust:{}", env!("CARGO_PKG_RUST_VERSION"));
    assert!(text.contains(&wanted), "the image is not built with the oldest Rust that will do: {wanted}");
}

#[test]
fn the_pod_is_locked_down_probed_and_given_time_to_stop_and_its_settings_are_settings() {
    let documents: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&read("kubernetes/ringback.yaml"))
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .collect();
    let [service, set] = documents.as_slice() else { panic!("a Service and a StatefulSet") };
    assert_eq!((&service["kind"], &set["kind"]), (&"Service".into(), &"StatefulSet".into()));
    assert_eq!(service["spec"]["selector"], set["spec"]["selector"]["matchLabels"]);
    assert_eq!(set["spec"]["selector"]["matchLabels"], set["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(set["spec"]["replicas"], 1, "the embedded store is one process's");
    let pod = &set["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    // More than stop-grace, twice: requests first, callbacks then.
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 40);
    let container = &pod["containers"][0];
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"][0], "ALL");
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    let port = &container["ports"][0];
    assert_eq!(service["spec"]["ports"][0]["targetPort"], port["name"]);
    let claim = &set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"];
    assert_eq!(container["volumeMounts"][0]["name"], *claim);

    let variables = container["env"].as_array().unwrap();
    let mut settings: Vec<(&str, &str)> = variables
        .iter()
        .filter_map(|variable| Some((variable["name"].as_str()?, variable["value"].as_str()?)))
        .collect();
    let key = "00".repeat(32);
    settings.push(("RINGBACK_KEY", &key));
    let shown = shown(&settings, &["serve"]);
    assert!(shown.contains(&format!("listen = \"0.0.0.0:{}\"", port["containerPort"])), "{shown}");
    assert!(shown.contains("store = \"sqlite:/data/ringback.db\""), "{shown}");
    knows_its_proxy_and_name(&shown);
}

/// Else the console answers 421 behind a proxy, and all clients are one.
#[track_caller]
fn knows_its_proxy_and_name(shown: &str) {
    for setting in ["trusted-proxy", "server-name"] {
        let line = shown.lines().find(|line| line.starts_with(&format!("{setting} = [\"")));
        assert!(line.is_some(), "{setting} is not set in\n{shown}");
    }
}

#[test]
fn nginx_takes_its_example() {
    let Some(mut nginx) = tool("nginx") else { return };
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "ringback.example.com");
    let example =
        read("nginx/ringback.conf").replace("/etc/ssl/ringback/", &format!("{}/", folder.path().display()));
    let said = nginx_says(&mut nginx, folder.path(), &example);
    assert!(!said.contains("[warn]"), "{said}");
    let first = read("nginx/ringback.conf");
    let told: String =
        first.lines().take(2).map(|line| line.trim_start_matches("# ")).collect::<Vec<_>>().join(" ");
    let start = told.find("serve ").unwrap();
    let args: Vec<&str> = told[start..].split('`').next().unwrap().split_whitespace().collect();
    assert!(shown(&[], &args).contains("behind-proxy = true"));
}

/// Writes `fullchain.pem` and `privkey.pem` for a name.
pub(crate) fn certificate(folder: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    std::fs::write(folder.join("fullchain.pem"), pem("CERTIFICATE", made.cert.der())).unwrap();
    std::fs::write(folder.join("privkey.pem"), pem("PRIVATE KEY", &made.signing_key.serialize_der()))
        .unwrap();
}

/// What nginx says of a file of its `conf.d`.
#[track_caller]
pub(crate) fn nginx_says(nginx: &mut Command, folder: &Path, example: &str) -> String {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(at("ringback.conf"), example).unwrap();
    let whole = format!(
        "pid {};\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off; include {}; }}\n",
        at("nginx.pid"),
        at("ringback.conf")
    );
    std::fs::write(at("nginx.conf"), whole).unwrap();
    content(nginx.args(["-t", "-q", "-p", &at(""), "-c", &at("nginx.conf")]), "")
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
