//! Which scope each of Ringback's own routes wants, and what it says to whom.

use ringback_store::Scopes;
use serde_json::json;

use crate::cast::{ACCOUNTS, Cast, of};
use crate::publishing::MESSAGES;
use crate::server::{ACCOUNT, CALLBACKS, OPERATE, OTHER, PUBLISH};

/// Method, path, and whether callbacks, publish and operate will each do.
fn table(id: &str) -> Vec<(&'static str, String, [bool; 3])> {
    const ANY: [bool; 3] = [true, true, true];
    const EITHER: [bool; 3] = [true, false, true];
    const OWNER: [bool; 3] = [true, false, false];
    const OPERATOR: [bool; 3] = [false, false, true];
    let at = |what| of(ACCOUNT, what);
    vec![
        ("GET", MESSAGES.to_owned(), ANY),
        ("GET", format!("{MESSAGES}/{id}"), ANY),
        ("POST", format!("{MESSAGES}/{id}/replay"), EITHER),
        ("GET", ACCOUNTS.to_owned(), EITHER),
        ("GET", at(""), EITHER),
        ("POST", at("/replay"), EITHER),
        ("POST", at("/ping"), EITHER),
        ("POST", at("/check"), EITHER),
        ("POST", at("/registration/restore"), EITHER),
        ("POST", at("/pause"), OPERATOR),
        ("POST", at("/resume"), OPERATOR),
        ("GET", at("/messages"), OWNER),
        ("PUT", at("/pull"), OWNER),
        ("POST", at("/ack"), OWNER),
        ("GET", at("/signing-key"), OWNER),
    ]
}

#[tokio::test]
async fn each_route_wants_its_scope_and_says_which() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    for (at, scopes) in [CALLBACKS, PUBLISH, OPERATE].into_iter().enumerate() {
        let bearer = cast.server.bearer(&format!("c{at}"), &[ACCOUNT], scopes).await;
        for (method, path, will_do) in table(&id) {
            let answer = cast.server.ask(method, &path).bearer(&bearer).send().await;
            if will_do[at] {
                assert!(
                    !matches!(answer.status.as_u16(), 401 | 403 | 404 | 405),
                    "{method} {path}: {answer:?}"
                );
            } else {
                let message = answer.error(403, "REQUEST_FAILED.Scope.Insufficient");
                assert!(message.contains("scope"), "{method} {path}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn each_route_wants_a_bearer_token_and_takes_no_other_method() {
    let cast = Cast::meet().await;
    for (method, path, _) in table("msg_x") {
        let answer = cast.server.ask(method, &path).send().await;
        answer.error(401, "REQUEST_FAILED.AccessToken.Invalid");
        let answer = cast.server.ask("DELETE", &path).bearer(&cast.operator).send().await;
        answer.error(405, "INPUT_INVALID.Request.MethodNotAllowed");
    }
}

#[tokio::test]
async fn each_accounts_route_wants_an_account_of_the_right_form_and_then_the_callers() {
    let cast = Cast::meet().await;
    let all = Scopes { callbacks: true, publish: true, operate: true };
    let bearer = cast.server.bearer("all", &[ACCOUNT], all).await;
    for (method, path, _) in table("msg_x").into_iter().filter(|(_, path, _)| path.contains(ACCOUNT)) {
        let malformed = cast.server.ask(method, &path.replace(ACCOUNT, "0252012345")).bearer(&bearer);
        malformed.send().await.error(400, "INPUT_INVALID.Account.Invalid");
        // Not yours comes before what is wrong with the body.
        let others = cast.server.ask(method, &path.replace(ACCOUNT, OTHER)).bearer(&bearer);
        let others = others.json(json!({"nonsense": 1}).to_string()).send().await;
        others.error(404, "REQUEST_FAILED.NotFound");
    }
}
