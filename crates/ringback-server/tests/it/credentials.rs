//! `/api/ringback/v1/credentials`.

use serde_json::{Value, json};

use crate::client::Ask;
use crate::server::{ACCOUNT, CALLBACKS, OPERATE, OTHER, Server, basic, callbacks};

const CREDENTIALS: &str = "/api/ringback/v1/credentials";

struct Operator {
    server: Server,
    bearer: String,
}

impl Operator {
    async fn start() -> Self {
        let server = Server::start().await;
        let bearer = server.bearer("operator", &["*"], OPERATE).await;
        Self { server, bearer }
    }

    fn ask(&self, method: &str, path: &str) -> Ask {
        self.server.ask(method, &format!("{CREDENTIALS}{path}")).bearer(&self.bearer)
    }

    async fn create(&self, body: Value) -> Value {
        let answer = self.ask("POST", "").json(body.to_string()).send().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    async fn token(&self, created: &Value) -> crate::client::Answer {
        let header = basic(created["clientId"].as_str().unwrap(), created["clientSecret"].as_str().unwrap());
        self.server.ask_token(&header).await
    }

    async fn bearer_of(&self, created: &Value) -> String {
        self.token(created).await.ok()["access_token"].as_str().unwrap().to_owned()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn a_created_credential_shows_its_secrets_once_and_works() {
    let operator = Operator::start().await;
    let created = operator.create(json!({"name": "n", "accounts": [ACCOUNT], "scopes": ["callbacks"]})).await;
    for secret in ["clientId", "clientSecret", "username", "password"] {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(text(&created[secret]).chars().all(plain), "{secret}");
    }
    let bearer = operator.bearer_of(&created).await;
    let login =
        operator.server.login_as(&bearer, text(&created["username"]), text(&created["password"])).await;
    let session = text(&login.ok()["sessionToken"]).to_owned();
    let list = operator.server.ask("GET", &callbacks(ACCOUNT)).bearer(&bearer).session(&session);
    assert_eq!(list.send().await.ok(), json!([]));

    let listed = operator.ask("GET", "").send().await.ok();
    let expected = json!({
        "name": "n",
        "clientId": created["clientId"],
        "username": created["username"],
        "accounts": [ACCOUNT],
        "scopes": ["callbacks"],
        "createdAt": "2026-01-01T00:00:00Z",
    });
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 2);
    assert_eq!(listed["credentials"][1], expected);
}

#[tokio::test]
async fn a_user_name_and_a_password_may_be_chosen() {
    let operator = Operator::start().await;
    let created = operator
        .create(json!({
            "name": "n", "accounts": ["*"], "scopes": ["publish", "callbacks"],
            "username": "me", "password": "correct horse",
        }))
        .await;
    assert_eq!((&created["username"], &created["password"]), (&json!("me"), &json!("correct horse")));
    let bearer = operator.bearer_of(&created).await;
    operator.server.login_as(&bearer, "me", "correct horse").await.ok();
}

#[tokio::test]
async fn what_can_not_be_a_credential_is_400_and_what_is_taken_is_409() {
    let operator = Operator::start().await;
    let good = json!({"name": "n", "accounts": [ACCOUNT], "scopes": ["callbacks"], "username": "me"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    for (body, code) in [
        (with("name", json!("")), "INPUT_INVALID.Credential.Invalid"),
        (with("scopes", json!([])), "INPUT_INVALID.Credential.Invalid"),
        (with("scopes", json!(["all"])), "INPUT_INVALID.Request.InvalidJson"),
        (with("accounts", json!([])), "INPUT_INVALID.Credential.Invalid"),
        (with("accounts", json!(["*", ACCOUNT])), "INPUT_INVALID.Account.Invalid"),
        (with("accounts", json!(["1"])), "INPUT_INVALID.Account.Invalid"),
        (with("username", json!("a\nb")), "INPUT_INVALID.Credential.Invalid"),
        (with("password", json!("short")), "INPUT_INVALID.Credential.Invalid"),
        (with("misspelt", json!(1)), "INPUT_INVALID.Request.InvalidJson"),
    ] {
        operator.ask("POST", "").json(body).send().await.error(400, code);
    }
    operator.create(good.clone()).await;
    let again = operator.ask("POST", "").json(good.to_string()).send().await;
    again.error(409, "REQUEST_FAILED.Credential.Exists");
}

#[tokio::test]
async fn rotating_gives_new_secrets_and_ends_the_old_ones() {
    let operator = Operator::start().await;
    let old = operator.create(json!({"name": "n", "accounts": ["*"], "scopes": ["callbacks"]})).await;
    let path = format!("/{}", text(&old["clientId"]));
    let new = operator.ask("PATCH", &path).json(r#"{"rotate":{}}"#).send().await.ok();
    assert_eq!((&new["clientId"], &new["username"]), (&old["clientId"], &old["username"]));
    assert_eq!(operator.token(&old).await.status, 401);
    operator.token(&new).await.ok();
    let kept = operator.ask("PATCH", &path).json(r#"{"rotate":{"overlapSeconds":60}}"#).send().await.ok();
    operator.token(&new).await.ok();
    operator.token(&kept).await.ok();
    let long = operator.ask("PATCH", &path).json(r#"{"rotate":{"overlapSeconds":99999999}}"#).send().await;
    long.error(400, "INPUT_INVALID.Credential.Invalid");
}

#[tokio::test]
async fn a_grant_adds_and_acts_on_tokens_that_are_out_already() {
    let operator = Operator::start().await;
    let user = operator.server.user_of("user", &[ACCOUNT], CALLBACKS).await;
    let path = format!("/{}", user.issued.client_id);
    let body = json!({"grant": {"accounts": [OTHER], "scopes": ["publish"]}}).to_string();
    let view = operator.ask("PATCH", &path).json(body).send().await.ok();
    let mut accounts: Vec<_> = view["accounts"].as_array().unwrap().iter().map(text).collect();
    accounts.sort_unstable();
    assert_eq!(accounts, [OTHER, ACCOUNT]);
    assert_eq!(view["scopes"], json!(["callbacks", "publish"]));
    operator.server.as_user(&user, "GET", &callbacks(OTHER)).send().await.ok();
}

#[tokio::test]
async fn a_locked_user_is_shown_and_unlocked() {
    let operator = Operator::start().await;
    let user = operator.server.user_of("user", &[ACCOUNT], CALLBACKS).await;
    for _ in 0..5 {
        operator.server.login_as(&user.bearer, &user.issued.username, "wrong").await;
    }
    let listed = operator.ask("GET", "").send().await.ok();
    assert_eq!(listed["credentials"][1]["lockedUntil"], "2026-01-01T00:15:00Z");
    let path = format!("/{}", user.issued.client_id);
    let view = operator.ask("PATCH", &path).json(r#"{"unlock":{}}"#).send().await.ok();
    assert!(view.get("lockedUntil").is_none());
    operator.server.login(&user.issued, &user.bearer).await.ok();
}

#[tokio::test]
async fn a_revoked_credential_is_listed_as_such_and_can_not_be_changed() {
    let operator = Operator::start().await;
    let user = operator.server.user_of("user", &[ACCOUNT], CALLBACKS).await;
    let path = format!("/{}", user.issued.client_id);
    assert_eq!(operator.ask("DELETE", &path).send().await.status, 204);
    let answer = operator.server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await;
    answer.error(401, "REQUEST_FAILED.AccessToken.Invalid");
    let listed = operator.ask("GET", "").send().await.ok();
    assert_eq!(listed["credentials"][1]["revokedAt"], "2026-01-01T00:00:00Z");
    let rotate = operator.ask("PATCH", &path).json(r#"{"rotate":{}}"#).send().await;
    rotate.error(404, "REQUEST_FAILED.NotFound");
    operator.ask("DELETE", "/unknown").send().await.error(404, "REQUEST_FAILED.NotFound");
}

#[tokio::test]
async fn only_operate_on_every_account_may() {
    let server = Server::start().await;
    for (name, accounts, scopes) in [("some", &[ACCOUNT][..], OPERATE), ("reader", &["*"][..], CALLBACKS)] {
        let bearer = server.bearer(name, accounts, scopes).await;
        for (method, path) in [("GET", ""), ("POST", ""), ("PATCH", "/x"), ("DELETE", "/x")] {
            let ask = server.ask(method, &format!("{CREDENTIALS}{path}")).bearer(&bearer);
            ask.send().await.error(403, "REQUEST_FAILED.Scope.Insufficient");
        }
    }
    server.ask("GET", CREDENTIALS).send().await.error(401, "REQUEST_FAILED.AccessToken.Invalid");
}
