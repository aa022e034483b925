//! `ringback callbacks`: registering as a person does it, with a password that no list shows, and the API's errors.

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
