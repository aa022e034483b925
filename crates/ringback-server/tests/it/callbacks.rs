//! Software Management Callbacks V1, as the contract and its examples have it.

use ringback_store::Overseeing as _;
use serde_json::{Value, json};

use crate::server::{ACCOUNT, CALLBACKS, Server, callbacks};

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn the_documented_examples_are_answered_as_documented() {
    let server = Server::start().await;
    let user = server.user_of("both", &["0204563412-00001", "0252012345-00001"], CALLBACKS).await;

    let register = server
        .as_user(&user, "POST", &callbacks("0204563412-00001"))
        .json(include_str!("../fixtures/register-request.json"))
        .send()
        .await;
    assert_eq!(register.ok(), fixture(include_str!("../fixtures/register-response.json")));

    let list = fixture(include_str!("../fixtures/list-response.json"));
    let body = json!({"name": "Fota", "url": list[0]["url"]}).to_string();
    server.as_user(&user, "POST", &callbacks("0252012345-00001")).json(body).send().await.ok();
    let listed = server.as_user(&user, "GET", &callbacks("0252012345-00001")).send().await;
    assert_eq!(listed.ok(), list);

    let path = format!("{}/name/Fota", callbacks("0204563412-00001"));
    let deregistered = server.as_user(&user, "DELETE", &path).send().await;
    assert_eq!(deregistered.ok(), fixture(include_str!("../fixtures/deregister-response.json")));
}

#[tokio::test]
async fn nothing_registered_lists_as_an_empty_array() {
    let server = Server::start().await;
    let user = server.user().await;
    assert_eq!(server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await.ok(), json!([]));
}

#[tokio::test]
async fn the_list_gives_the_user_name_and_never_the_password() {
    let server = Server::start().await;
    let user = server.user().await;
    let body = r#"{"name":"Fota","url":"https://10.0.0.1/x?y=%2F","username":"me","password":"hush"}"#;
    server.as_user(&user, "POST", &callbacks(ACCOUNT)).json(body).send().await.ok();
    let listed = server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await.ok();
    let expected =
        json!([{"aname": ACCOUNT, "name": "Fota", "url": "https://10.0.0.1/x?y=%2F", "username": "me"}]);
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn registering_replaces_what_was_registered_with_all_of_it() {
    let server = Server::start().await;
    let user = server.user().await;
    for body in [
        r#"{"name":"Fota","url":"https://10.0.0.1/","username":"me","password":"hush"}"#,
        r#"{"name":"Fota","url":"https://10.0.0.2/","username":null,"later":"unknown"}"#,
    ] {
        server.as_user(&user, "POST", &callbacks(ACCOUNT)).json(body).send().await.ok();
    }
    let listed = server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await.ok();
    assert_eq!(listed, json!([{"aname": ACCOUNT, "name": "Fota", "url": "https://10.0.0.2/"}]));
}

#[tokio::test]
async fn deregistering_what_is_not_registered_is_400_callback_not_registered() {
    let server = Server::start().await;
    let user = server.user().await;
    let path = format!("{}/name/Fota", callbacks(ACCOUNT));
    let never = server.as_user(&user, "DELETE", &path).send().await;
    never.error(400, "REQUEST_FAILED.CallbackNotRegistered");
    server.register(ACCOUNT).await;
    server.as_user(&user, "DELETE", &path).send().await.ok();
    let twice = server.as_user(&user, "DELETE", &path).send().await;
    twice.error(400, "REQUEST_FAILED.CallbackNotRegistered");
    assert_eq!(server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await.ok(), json!([]));
}

#[tokio::test]
async fn a_percent_encoded_account_is_the_same_account() {
    let server = Server::start().await;
    let user = server.user().await;
    let listed = server.as_user(&user, "GET", &callbacks("%30252012345%2D00001")).send().await;
    assert_eq!(listed.ok(), json!([]));
}

#[tokio::test]
async fn an_encoded_slash_in_the_service_is_part_of_it() {
    let server = Server::start().await;
    let user = server.user().await;
    server.register(ACCOUNT).await;
    let path = format!("{}/name/Fota%2Fx", callbacks(ACCOUNT));
    let answer = server.as_user(&user, "DELETE", &path).send().await;
    answer.error(400, "INPUT_INVALID.CallbackService.Invalid");
}

#[tokio::test]
async fn a_delete_may_have_a_body_of_any_type() {
    let server = Server::start().await;
    let user = server.user().await;
    server.register(ACCOUNT).await;
    let path = format!("{}/name/Fota", callbacks(ACCOUNT));
    server.as_user(&user, "DELETE", &path).body("text/plain", "whatever").send().await.ok();
}

#[tokio::test]
async fn registrations_of_another_url_and_deregistrations_are_kept_in_the_audit_log() {
    let server = Server::start().await;
    let user = server.user().await;
    let register = async |url: &str| {
        let body = json!({"name": "Fota", "url": url}).to_string();
        server.as_user(&user, "POST", &callbacks(ACCOUNT)).json(body).send().await.ok();
    };
    register("https://8.8.8.8/one").await;
    register("https://8.8.8.8/one").await;
    register("https://8.8.8.8/two").await;
    let path = format!("{}/name/Fota", callbacks(ACCOUNT));
    server.as_user(&user, "DELETE", &path).send().await.ok();
    let acts = server.store.acts(None, None, 10).await.unwrap();
    let acts: Vec<&str> = acts.iter().map(|kept| kept.act.what.as_str()).collect();
    let registered = "registered a callback URL";
    assert_eq!(acts, ["deregistered the callback URL", registered, registered]);
}
