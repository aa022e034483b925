//! The API as its clients call it: one request, one whole answer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Api {
    http: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

/// The tokens of one client.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    pub(crate) bearer: String,
    pub(crate) session: String,
}

/// The secrets that `credentials create --json` prints.
#[derive(Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Secrets {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Api {
    pub(crate) fn new(url: &str) -> Self {
        Self { http: Client::builder(TokioExecutor::new()).build_http(), url: url.to_owned() }
    }

    /// Where it asks.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A token request's answer.
    pub(crate) async fn token(&self, secrets: &Secrets) -> (StatusCode, Value) {
        let basic = STANDARD.encode(format!("{}:{}", secrets.client_id, secrets.client_secret));
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/api/ts/v1/oauth2/token", self.url))
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::from("grant_type=client_credentials"))
            .unwrap();
        self.send(request).await.unwrap()
    }

    /// A token and a session.
    pub(crate) async fn log_in(&self, secrets: &Secrets) -> Tokens {
        let (status, answer) = self.token(secrets).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let mut tokens = Tokens { bearer: text(&answer["access_token"]), session: String::new() };
        let login = json!({"username": secrets.username, "password": secrets.password});
        let (status, answer) = self.post("/api/m2m/v1/session/login", &tokens, &login).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        tokens.session = text(&answer["sessionToken"]);
        tokens
    }

    pub(crate) async fn register(&self, tokens: &Tokens, account: &str, url: &str) {
        let path = format!("/api/fota/v1/callbacks/{account}");
        let (status, answer) = self.post(&path, tokens, &json!({"name": "Fota", "url": url})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }

    pub(crate) async fn get(&self, path: &str, tokens: &Tokens) -> (StatusCode, Value) {
        self.send(self.request(Method::GET, path, tokens, None)).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, tokens: &Tokens, body: &Value) -> (StatusCode, Value) {
        self.send(self.request(Method::POST, path, tokens, Some(body))).await.unwrap()
    }

    /// Publishes; an error is no answer.
    pub(crate) async fn publish(&self, tokens: &Tokens, body: &Value) -> Result<(StatusCode, Value), Error> {
        self.ask(Method::POST, "/api/ringback/v1/messages", tokens, Some(body)).await
    }

    /// Publishes in a trace.
    pub(crate) async fn publish_in(
        &self,
        traceparent: &str,
        tokens: &Tokens,
        body: &Value,
    ) -> (StatusCode, Value) {
        let mut request = self.request(Method::POST, "/api/ringback/v1/messages", tokens, Some(body));
        request.headers_mut().insert("traceparent", traceparent.parse().unwrap());
        self.send(request).await.unwrap()
    }

    /// Publishes many in one request; gives the answer's lines.
    pub(crate) async fn publish_lines(&self, tokens: &Tokens, messages: &[Value]) -> Vec<Value> {
        let lines: String = messages.iter().map(|message| format!("{message}\n")).collect();
        let (mut head, _) =
            self.request(Method::POST, "/api/ringback/v1/messages", tokens, None).into_parts();
        head.headers.insert("content-type", http::HeaderValue::from_static("application/x-ndjson"));
        let answered = self.http.request(Request::from_parts(head, Full::from(lines)));
        let response = tokio::time::timeout(TIMEOUT, answered).await.expect("an answer in time").unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    /// Any request; an error is no answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        tokens: &Tokens,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), Error> {
        self.send(self.request(method, path, tokens, body)).await
    }

    /// An answer as text.
    pub(crate) async fn text(&self, path: &str, tokens: &Tokens) -> (StatusCode, String) {
        let answered = self.http.request(self.request(Method::GET, path, tokens, None));
        let response = tokio::time::timeout(TIMEOUT, answered).await.expect("an answer in time").unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// What a page is answered with, to a browser with this cookie: its head, and its text.
    pub(crate) async fn page(&self, path: &str, cookie: &str) -> (http::response::Parts, String) {
        self.browse(Request::get(format!("{}{path}", self.url)).header("cookie", cookie), String::new()).await
    }

    /// The same for a form that is sent.
    pub(crate) async fn form(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
    ) -> (http::response::Parts, String) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = Request::post(format!("{}{path}", self.url))
            .header("cookie", cookie)
            .header("content-type", "application/x-www-form-urlencoded");
        self.browse(request, form.finish()).await
    }

    async fn browse(&self, request: http::request::Builder, body: String) -> (http::response::Parts, String) {
        let answered = self.http.request(request.body(Full::from(body)).unwrap());
        let response = tokio::time::timeout(TIMEOUT, answered).await.expect("an answer in time").unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8(body.to_vec()).unwrap())
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        tokens: &Tokens,
        body: Option<&Value>,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", tokens.bearer));
        if !tokens.session.is_empty() {
            request = request.header("vz-m2m-token", &tokens.session);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        request.body(body.map_or_else(Full::default, |body| Full::from(body.to_string()))).unwrap()
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Value), Error> {
        let answered = tokio::time::timeout(TIMEOUT, self.http.request(request)).await;
        let response = answered.expect("the server should answer in time")?;
        let status = response.status();
        // A body that breaks off is no answer either; it shows as one that is not JSON.
        let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}

/// A JSON string's text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string")).to_owned()
}

/// A message of a type that is in no order, with an idempotency key of its own.
pub(crate) fn message(account: &str, key: &str) -> Value {
    json!({
        "accountName": account,
        "type": "firmwareList",
        "firmwareList": [{"firmwareName": key, "fromVersion": "01", "toVersion": "02"}],
        "idempotencyKey": key,
    })
}
