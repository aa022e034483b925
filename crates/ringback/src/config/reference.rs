//! The reference of all settings, `docs/configuration.md`, made from the settings themselves.

use std::fmt::Write as _;

use super::SETTINGS;
use super::setting::{Kind, Setting};

const HEAD: &str = "\
# Settings of the server

<!-- Made from the code: `RINGBACK_WRITE_DOCS=1 cargo test -p ringback reference` writes it anew. -->

What `ringback serve` can be told. A setting has one name: a flag (`--stop-grace 30s`), a variable
(`RINGBACK_SERVER_STOP_GRACE=30s`) and a key of the TOML file that `--config` names (`stop-grace = \"30s\"`). A flag counts
more than a variable, a variable more than the file. [running.md](running.md#settings) says more about that;
`ringback serve --print-config` shows what is in force.

Times are written as `30s`, `5m`, `7days`, a hundred years at most. Where several values may be given, the flag is repeated, the variable has
commas between them, and the file an array.

| setting | value | default | what |
| --- | --- | --- | --- |
";

const TAIL: &str = "
Secrets are no settings: `RINGBACK_KEY` is the store's sealing key, where no file holds it, and `RINGBACK_EVENTS_SECRET` the
secret that operators' events are signed with.
";

fn reference() -> String {
    let mut text = HEAD.to_owned();
    for setting in SETTINGS.iter().copied().flatten() {
        let (what, default) = parts(setting);
        let value = match setting.kind {
            Kind::One | Kind::Switch => setting.value.to_owned(),
            Kind::Many => format!("{}, several", setting.value),
        };
        let value = value.replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | {value} | {default} | {what} |", setting.name);
    }
    text + TAIL
}

/// What a setting does, and its default, which stands at the end of its help in brackets.
fn parts(setting: &Setting) -> (String, String) {
    let help = setting.help.replace("; may be repeated", "").replace('|', "\\|");
    match (help.split_once(" [default: "), setting.kind) {
        (Some((what, rest)), _) => (what.to_owned(), rest.replace(']', "")),
        (None, Kind::Switch) => (help, "false".to_owned()),
        (None, Kind::Many) => (help, "none".to_owned()),
        (None, Kind::One) => (help, "not set".to_owned()),
    }
}

#[test]
fn the_reference_of_the_settings_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let reference = reference();
    if std::env::var_os("RINGBACK_WRITE_DOCS").is_some() {
        std::fs::write(path, &reference).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == reference,
        "docs/configuration.md is old: RINGBACK_WRITE_DOCS=1 cargo test -p ringback reference"
    );
}
