//! Completions and the manual.

use tempfile::tempdir;

use crate::program::{failure, printed, run};

#[test]
fn each_shell_gets_completions_that_know_the_commands() {
    let folder = tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&run(folder.path(), &["completions", shell]));
        assert!(script.contains("deregister") && script.contains("fail-fast"), "{shell}");
    }
}

#[test]
fn the_manual_has_a_page_with_an_example_for_each_command() {
    let folder = tempdir().unwrap();
    printed(&run(folder.path(), &["man", "man1"]));
    for page in ["ringback.1", "ringback-serve.1", "ringback-messages-publish.1", "ringback-listen.1"] {
        let text = std::fs::read_to_string(folder.path().join("man1").join(page)).unwrap();
        assert!(text.contains("ringback "), "{page}");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    let (code, line) = failure(&run(folder.path(), &["man", "file/man1"]));
    assert_eq!(code, 8, "{line}");
}
