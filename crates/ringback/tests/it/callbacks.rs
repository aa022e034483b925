//! `ringback callbacks`: registering as a person does it, with a password that no list shows, and the API's errors.

use std::process::Output;

use serde_json::{Value, json};

use crate::house::{ACCOUNT, House};
use crate::program::{failure, printed};
use crate::receiver::Receiver;

const USERNAME: &str = "fota-user";
const PASSWORD: &str = "hush hush";

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_s_password_comes_from_stdin_and_is_in_each_callback_and_in_no_list() {
    let house = House::start();
    let application = Receiver::answering(204).await;
    let url = application.url();
    let register = ["callbacks", "register", ACCOUNT, &url, "--callback-username", USERNAME];
    let with_password = [&register[..], &["--callback-password-stdin"]].concat();
    let told = printed(&house.run(&with_password, &format!("{PASSWORD}\nsomething else\n")));
    assert_eq!(told, format!("registered: callbacks of {ACCOUNT} go to {url}\n"));

    let table = house.printed(&["callbacks", "list", ACCOUNT]);
    assert_eq!(
        table.split_whitespace().collect::<Vec<_>>(),
        ["ACCOUNT", "SERVICE", "URL", "USERNAME", ACCOUNT, "Fota", url.as_str(), USERNAME]
    );
    let list = house.json(&["callbacks", "list", ACCOUNT]);
    assert_eq!((&list[0]["url"], &list[0]["username"]), (&json!(url), &json!(USERNAME)));
    assert!(!table.contains(PASSWORD) && !list.to_string().contains(PASSWORD));

    house.publish("one");
    let body: Value = serde_json::from_slice(&application.requests(1).await[0].body).unwrap();
    assert_eq!((&body["username"], &body["password"]), (&json!(USERNAME), &json!(PASSWORD)));

    let ended = house.json(&["callbacks", "deregister", ACCOUNT]);
    assert_eq!(ended["success"], true);
    assert_eq!(house.printed(&["callbacks", "list", ACCOUNT]), "", "that nothing is registered is a note");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_for_an_account_that_is_paused_hears_of_it() {
    let house = House::start();
    let register = ["callbacks", "register", ACCOUNT, "https://example.com/"];
    let said = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(said(&house.run(&register, "")), "");
    house.pause().await;
    let paused = house.run(&register, "");
    assert_eq!(printed(&paused), format!("registered: callbacks of {ACCOUNT} go to https://example.com/\n"));
    assert!(said(&paused).contains("is paused since"), "{}", said(&paused));
}

#[test]
fn what_the_api_refuses_is_shown_with_its_own_code_and_message() {
    let house = House::start();
    for (args, code, message) in [
        (
            &["callbacks", "deregister", ACCOUNT][..],
            "REQUEST_FAILED.CallbackNotRegistered",
            "nothing is registered for this account and service",
        ),
        (
            &["callbacks", "register", ACCOUNT, "ftp://example.com/"],
            "INPUT_INVALID.CallbackUrl.Invalid",
            "not an absolute http or https URL",
        ),
        (&["callbacks", "list", "0242078689-00009"], "Account", "0242078689-00009"),
    ] {
        let (exit_code, line) = failure(&house.run(args, ""));
        assert_eq!(exit_code, 5, "{line}");
        assert!(line.contains(code) && line.contains(message), "{line}");
    }
    let mut variables = house.variables();
    variables.iter_mut().filter(|(name, _)| *name == "RINGBACK_PASSWORD").for_each(|one| one.1 = "wrong");
    let list = ["callbacks", "list", ACCOUNT];
    let (exit_code, line) = failure(&crate::program::run_with(house.folder(), &list, &variables, ""));
    assert_eq!(exit_code, 4, "{line}");
    let nobody = ["callbacks", "register", ACCOUNT, "https://example.com/", "--callback-password-stdin"];
    let (exit_code, line) = failure(&house.run(&nobody, ""));
    assert_eq!(exit_code, 2, "a password was said to come, and did not: {line}");
}

#[cfg(unix)]
#[test]
fn a_profile_names_server_and_secrets_whatever_the_variables_say() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::start();
    house.register("http://127.0.0.1:9/mine");
    let config = house.folder().join(".config/ringback");
    std::fs::create_dir_all(&config).unwrap();
    let secrets = &house.secrets;
    let profile = format!(
        "[acme]\nurl = '{}'\nclient-id = '{}'\nclient-secret = '{}'\nusername = '{}'\npassword = '{}'\n",
        house.url, secrets.client_id, secrets.client_secret, secrets.username, secrets.password
    );
    let own = config.join("profiles.toml");
    std::fs::write(&own, profile).unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o600)).unwrap();
    let others = [("RINGBACK_URL", "http://127.0.0.1:1"), ("RINGBACK_CLIENT_ID", "somebody else")];
    let list = |more: &[&str]| {
        let args = [&["callbacks", "list", ACCOUNT, "--profile"], more].concat();
        crate::program::run_with(house.folder(), &args, &others, "")
    };
    assert!(printed(&list(&["acme"])).contains("http://127.0.0.1:9/mine"));
    std::fs::rename(&own, house.folder().join("elsewhere.toml")).unwrap();
    assert!(printed(&list(&["acme", "--profiles", "elsewhere.toml"])).contains("http://127.0.0.1:9/mine"));
    let (code, line) = failure(&list(&["acme"]));
    assert_eq!(code, 3, "{line}");
    assert!(line.contains("no profile \"acme\""), "{line}");
}
