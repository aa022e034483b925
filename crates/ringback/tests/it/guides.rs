//! Every command in the guides is run, as it stands there, in a folder of its own for each guide; or the guide says why
//! not, in a comment before it:
//!
//! - `<!-- run -->`
//! - `<!-- run in the background until: TEXT -->`: it goes on; what follows waits until it has printed the text.
//! - `<!-- not run: WHY -->`
//!
//! What a terminal shows, commands with their answers, is a block of `console`, with `<!-- an example -->` before it.
//!
//! Only the ports are others: those of the guides may be taken.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Signal, kill_process_group};

/// What stands before what a terminal shows.
const EXAMPLE: &str = "<!-- an example -->";
/// How long a guide may take, in seconds.
const PATIENCE: u32 = 60;

enum How {
    Run,
    Background(String),
    Not,
}

struct Block {
    how: How,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// How the blocks of the guides that are no commands are marked.
const OTHER_LANGUAGES: [&str; 6] = ["", "json", "python", "rust", "toml", "ts"];

/// The blocks of shell commands of a guide; panics at one that is not marked, and at a block that may be one in disguise.
fn blocks(guide: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(root().join(guide)).unwrap();
    let mut blocks = Vec::new();
    let (mut lines, mut before) = (text.lines(), "");
    while let Some(line) = lines.next() {
        let Some(language) = line.trim().strip_prefix("```") else {
            before = line;
            continue;
        };
        if language == "sh" {
            let indent = line.len() - line.trim_start().len();
            let body = lines.by_ref().take_while(|line| line.trim() != "```");
            let body: Vec<&str> = body.map(|line| line.get(indent..).unwrap_or_default()).collect();
            blocks.push(Block { how: how(guide, before, body[0]), text: body.join("\n") });
        } else {
            let is_example = before.trim() == EXAMPLE && language == "console";
            assert!(
                is_example || OTHER_LANGUAGES.contains(&language),
                "{guide}: a block of {language:?} may hold commands; those are marked with sh"
            );
            lines.by_ref().find(|line| line.trim() == "```");
        }
        before = "";
    }
    blocks
}

#[track_caller]
fn how(guide: &str, before: &str, command: &str) -> How {
    let mark = before.trim().strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
    match mark {
        Some("run") => How::Run,
        Some(mark) if mark.starts_with("run in the background until: ") => {
            How::Background(mark["run in the background until: ".len()..].to_owned())
        }
        Some(mark) if mark.strip_prefix("not run: ").is_some_and(|why| why.len() > 10) => How::Not,
        _ => panic!("{guide}: {command:?} is neither marked to be run, nor is it said why not: {before:?}"),
    }
}

/// Ports that are free now, in place of those of the guides.
fn with_free_ports(script: &str) -> String {
    let ports = ["8080", "8081", "8082", "9000", "3000"];
    let sockets = ports.map(|_| std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let mut script = script.to_owned();
    for (port, socket) in ports.iter().zip(&sockets) {
        script = script.replace(port, &socket.local_addr().unwrap().port().to_string());
    }
    script
}

/// The guide as one script.
fn script(guide: &str) -> String {
    let mut script = String::from("set -euo pipefail\n");
    for (number, block) in blocks(guide).into_iter().enumerate() {
        match block.how {
            How::Run => script += &format!("echo '--- {number}'\n{}\n", block.text),
            How::Background(until) => {
                script += &format!(
                    "echo '--- {number}, in the background'\n: >log.{number}\n({}) >log.{number} 2>&1 &\n\
                     started=$!\n\
                     grep -qF '{until}' <(tail -n +1 -f --pid=$started log.{number}) || {{ cat log.{number}; exit 1; }}\n",
                    block.text
                );
            }
            How::Not => {}
        }
    }
    // `dev` takes its ports from flags; the guides' are its defaults.
    let script = script.replace("(ringback dev)", "(ringback dev --port 8080 --listener-port 9000)");
    with_free_ports(&script)
}

#[track_caller]
fn follow(guide: &str) {
    use std::os::unix::process::CommandExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guide.sh");
    std::fs::write(&file, script(guide)).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_ringback")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(program.to_owned()).chain(std::env::split_paths(&path)))
        .unwrap();
    let output = std::fs::File::create(folder.path().join("output")).unwrap();
    let mut child = Command::new("timeout")
        .args([&PATIENCE.to_string(), "bash"])
        .arg(&file)
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .process_group(0)
        .spawn()
        .unwrap();
    let status = child.wait().unwrap();
    // What runs in the background goes with the guide.
    let _ = kill_process_group(rustix::process::Pid::from_child(&child), Signal::KILL);
    let printed = std::fs::read_to_string(folder.path().join("output")).unwrap();
    assert!(status.success(), "{guide}: {status}\n{printed}\n{}", std::fs::read_to_string(&file).unwrap());
}

#[test]
fn every_block_of_commands_is_run_or_says_why_not() {
    let mut guides = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            guides.push(format!("docs/{name}"));
        }
    }
    let counts: Vec<usize> = guides.iter().map(|guide| blocks(guide).len()).collect();
    assert!(counts.iter().sum::<usize>() > 30, "{counts:?}");
    // A guide with something to run has its test below.
    let followed = include_str!("guides.rs");
    for guide in guides {
        let runs = blocks(&guide).iter().any(|block| !matches!(block.how, How::Not));
        assert!(!runs || followed.contains(&format!("follow(\"{guide}\")")), "nobody follows {guide}");
    }
}

#[test]
fn getting_started_can_be_followed() {
    follow("docs/getting-started.md");
}

#[test]
fn running_a_server_can_be_followed() {
    follow("docs/running.md");
}

#[test]
fn why_no_callback_can_be_followed() {
    follow("docs/why-no-callback.md");
}

#[test]
fn moving_from_thingspace_can_be_followed() {
    follow("docs/from-thingspace.md");
}

#[test]
fn moving_from_svix_can_be_followed() {
    follow("docs/from-svix.md");
}

#[test]
fn the_table_of_errors_has_each_code_that_the_code_has_and_no_other() {
    let code = std::fs::read_to_string(root().join("crates/ringback-wire/src/error_code.rs")).unwrap();
    let known: BTreeSet<&str> = code
        .lines()
        .filter(|line| line.starts_with("pub const "))
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    assert!(known.len() > 20, "{known:?}");
    let guide = std::fs::read_to_string(root().join("docs/wire.md")).unwrap();
    let (_, errors) = guide.split_once("\n## Errors\n").unwrap();
    let (errors, _) = errors.split_once("\n## ").unwrap();
    let told: BTreeSet<&str> = errors
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .map(|line| line.split('`').nth(1).unwrap())
        .collect();
    assert_eq!(told, known);
}
