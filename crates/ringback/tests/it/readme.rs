//! The README's steps for the application developer, typed as they are written, in a new folder.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use crate::program::{Program, printed, run};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
const SECTION: &str = "### You own the URL: the application developer";
/// What a port of the README's becomes: one of the system's.
const LISTENER: &str = "http://127.0.0.1:3000/callbacks";

/// The section's text.
fn section() -> String {
    let readme = fs::read_to_string(README).unwrap();
    let (_, section) = readme.split_once(SECTION).expect("the section is there");
    section.split("\n### ").next().unwrap().to_owned()
}

/// What stands in the section's blocks of a language, line by line.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}");
    let mut inside = false;
    let mut lines = Vec::new();
    for line in section.lines() {
        match line.trim() {
            fence if fence == open => inside = true,
            "```" => inside = false,
            text if inside => lines.push(text.to_owned()),
            _ => {}
        }
    }
    lines
}

/// A command of the README, as the arguments of the program.
fn arguments<'a>(command: &'a str, id: &'a str, listener: &'a str) -> Vec<&'a str> {
    let words = command.strip_prefix("ringback ").expect("a command of ours").split_whitespace();
    words
        .map(|word| match word {
            "ID" => id,
            "3000" => "0",
            LISTENER => listener,
            word => word,
        })
        .collect()
}

/// The id in a list of one message.
fn only_id(folder: &Path) -> String {
    let listed = printed(&run(folder, &["messages", "list", "--profile", "dev", "--json"]));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    listed["messages"][0]["id"].as_str().expect("one message").to_owned()
}

#[test]
fn every_step_of_the_application_developer_works_as_it_is_written() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let section = section();
    fs::write(folder.join("message.json"), blocks(&section, "json").join("\n")).unwrap();
    let mut dev = Program::start(folder, &["dev", "--port", "0", "--listener-port", "0", "--no-samples"]);
    dev.line_with("Ctrl-C stops");

    let mut commands = blocks(&section, "sh");
    commands.retain(|command| command.starts_with("ringback "));
    let verbs: Vec<String> = commands
        .iter()
        .map(|command| command.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        .collect();
    let expected = [
        "ringback callbacks register",
        "ringback callbacks list",
        "ringback listen --port",
        "ringback messages publish",
        "ringback messages list",
        "ringback messages show",
        "ringback messages replay",
        "ringback listen --pull",
    ];
    assert_eq!(verbs, expected, "a step was added: type it here too");

    let [register, list, listen, publish, search, show, replay, pull] = commands.try_into().unwrap();
    let mut listening = Program::start(folder, &arguments(&listen, "", ""));
    let listener = format!("{}/callbacks", listening.url().trim_end_matches('/'));
    let type_it = |command: &str, id: &str| printed(&run(folder, &arguments(command, id, &listener)));
    type_it(&register, "");
    assert!(type_it(&list, "").contains(&listener));
    type_it(&publish, "");
    listening.line_with("An upgrade is under way");
    listening.line_with("signature verified");
    listening.line_with("device 990003425730535");
    let id = only_id(folder);
    assert!(type_it(&search, "").contains(&id));
    assert!(type_it(&show, &id).contains("delivered"));
    type_it(&replay, &id);
    listening.line_with(&id);
    assert!(listening.stop().success());

    // What is registered is gone; another listener is there that the server does not know.
    let mut behind = Program::start(folder, &arguments(&listen, "", ""));
    let listener = behind.url();
    let mut pulling = Program::start(folder, &arguments(&pull, "", &listener));
    pulling.line_with("pull is on");
    printed(&run(folder, &arguments(&publish, "", "")));
    behind.line_with("An upgrade is under way");
    behind.line_with("signature verified");
    behind.line_with("device 990003425730535");
    assert!(pulling.stop().success());
    assert!(behind.stop().success());
    assert!(dev.stop().success());
}
