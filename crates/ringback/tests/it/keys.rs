//! `ringback keys rotate`, beside a server that runs, and the sources of a key.

use std::path::Path;

use tempfile::tempdir;

use crate::program::{Program, failure, printed, run, run_with};

const STORE: &str = "sqlite:ringback.db";

fn key(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("ringback.db.key")).unwrap()
}

fn serve(folder: &Path, more: &[&str]) -> Program {
    let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--egress", "any", "--free-space-reserve", "0"];
    args.extend(more);
    let mut program = Program::start(folder, &args);
    program.url();
    program
}

#[test]
fn a_key_beside_the_database_is_rotated_while_the_server_runs() {
    let folder = tempdir().unwrap();
    let mut server = serve(folder.path(), &[]);
    let old = key(folder.path());
    let said = printed(&run(folder.path(), &["keys", "rotate", "--store", STORE]));
    assert!(said.contains("the old key opens nothing any more"), "{said}");
    let new = key(folder.path());
    assert_ne!(old, new);
    server.line_with("sealing keys have changed");
    assert!(server.stop().success());

    // The old one is kept for back-ups, and opens this no more.
    let retired: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".key.retired-"))
        .collect();
    assert_eq!(std::fs::read_to_string(&retired[0]).unwrap(), old);
    let retired = retired[0].to_str().unwrap();
    let (code, line) = failure(&run(folder.path(), &["verify", "--store", STORE, "--key-file", retired]));
    assert_eq!(code, 3);
    assert!(line.contains("rotated"), "{line}");
    assert!(serve(folder.path(), &[]).stop().success());
}

#[test]
fn a_key_that_is_given_is_rotated_to_one_that_is_given() {
    let folder = tempdir().unwrap();
    let (old, new) = ("5a".repeat(32), "a5".repeat(32));
    std::fs::write(folder.path().join("print-key"), format!("echo {old}")).unwrap();
    assert!(serve(folder.path(), &["--key-command", "sh print-key"]).stop().success());
    let rotate = |variables: &[(&str, &str)]| {
        run_with(folder.path(), &["keys", "rotate", "--store", STORE], variables, "")
    };
    let (code, line) = failure(&rotate(&[("RINGBACK_KEY", &old)]));
    assert_eq!(code, 3);
    assert!(line.contains("RINGBACK_NEW_KEY"), "{line}");
    let said = printed(&rotate(&[("RINGBACK_KEY", &old), ("RINGBACK_NEW_KEY", &new)]));
    assert!(said.contains("Start the server with the new key") && !said.contains(&new), "{said}");
    let (code, _) = failure(&rotate(&[("RINGBACK_KEY", &old), ("RINGBACK_NEW_KEY", &new)]));
    assert_eq!(code, 3);
    let said = printed(&rotate(&[("RINGBACK_KEY", &new), ("RINGBACK_NEW_KEY", &new)]));
    assert!(said.contains("already"), "{said}");
    std::fs::write(folder.path().join("print-key"), format!("echo {new}")).unwrap();
    assert!(serve(folder.path(), &["--key-command", "sh print-key"]).stop().success());
}
