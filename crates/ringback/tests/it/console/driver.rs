//! A browser that is driven over the WebDriver protocol: Chromium, through its driver, as W3C has it.
//!
//! The protocol is a few requests of JSON; a client of ours is smaller than a dependency on one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ringback_testbed::looking;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{PATIENCE, Program};
use crate::tools::tool;

/// What the driver says before its port.
const STARTED: &str = "was started successfully on port ";

const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Keys, as the protocol writes them.
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
const CONTROL: &str = "\u{e009}";

/// How a page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) name: &'static str,
    scheme: &'static str,
    width: u32,
    height: u32,
}

/// On a desk by day and by night, and on a phone.
pub(crate) const LOOKS: [Look; 3] = [
    Look { name: "light", scheme: "light", width: 1280, height: 800 },
    Look { name: "dark", scheme: "dark", width: 1280, height: 800 },
    Look { name: "phone", scheme: "light", width: 390, height: 844 },
];

/// One browser with one window. It ends with its test.
pub(crate) struct Driven {
    http: Client<HttpConnector, Full<Bytes>>,
    /// The browser is its child and ends with it.
    _driver: Program,
    session: String,
    _profile: TempDir,
}

impl Driven {
    /// Starts a driver and a browser; `None` where they are missing ([`tool`]).
    pub(crate) async fn start() -> Option<Self> {
        let mut driver = tool("chromedriver")?;
        tool("chromium")?;
        let profile = tempfile::tempdir().unwrap();
        driver.arg("--port=0").env("HOME", profile.path());
        let mut driver = Program::spawn(driver);
        // It says so when it listens, and where: "… was started successfully on port 41234."
        let line = driver.line_with(STARTED);
        let port = line.split(STARTED).nth(1).unwrap().trim_end_matches('.');
        let session = format!("http://127.0.0.1:{port}/session");
        let http = Client::builder(TokioExecutor::new()).build_http();
        let mut driven = Self { http, _driver: driver, session, _profile: profile };
        driven.open().await;
        Some(driven)
    }

    async fn open(&mut self) {
        let mut args: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        args.push("--window-size=1280,900".to_owned());
        args.push(format!("--user-data-dir={}", self._profile.path().join("profile").display()));
        let options = json!({"args": args});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let opened = self.try_ask(Method::POST, "", &wanted).await.expect("the driver answers");
        let id = opened["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {opened}"));
        self.session = format!("{}/{id}", self.session);
    }

    /// Goes to an address.
    pub(crate) async fn go(&self, url: &str) {
        self.ask(Method::POST, "/url", &json!({"url": url})).await;
    }

    /// What stands on the page, as a person reads it.
    pub(crate) async fn text(&self) -> String {
        self.run("return document.body.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until this stands on the page.
    #[track_caller]
    pub(crate) fn reads(&self, awaited: &str) -> impl Future<Output = String> {
        let read = async move || {
            let text = self.text().await;
            if text.contains(awaited) { Ok(text) } else { Err(text) }
        };
        looking::until(format!("{awaited:?} on the page"), read)
    }

    /// Waits until a script in the page says so.
    #[track_caller]
    pub(crate) fn holds(&self, script: &str) -> impl Future<Output = ()> {
        let ask = async move || match self.run(script).await {
            Value::Bool(true) => Ok(()),
            said => Err(format!("{said} on the page\n{}", self.text().await)),
        };
        looking::until(script, ask)
    }

    /// Clicks the link or button of this text.
    pub(crate) async fn click(&self, text: &str) {
        let path =
            format!("//*[self::a or self::button or self::summary][contains(normalize-space(.), '{text}')]");
        let element = self.find("xpath", &path).await;
        self.ask(Method::POST, &format!("/element/{element}/click"), &json!({})).await;
    }

    /// Clicks the first that a selector names.
    pub(crate) async fn click_on(&self, css: &str) {
        let element = self.find("css selector", css).await;
        self.ask(Method::POST, &format!("/element/{element}/click"), &json!({})).await;
    }

    /// Writes into a field, in place of what is there.
    pub(crate) async fn write(&self, css: &str, text: &str) {
        let element = self.find("css selector", css).await;
        self.ask(Method::POST, &format!("/element/{element}/clear"), &json!({})).await;
        self.ask(Method::POST, &format!("/element/{element}/value"), &json!({"text": text})).await;
    }

    /// Presses keys, wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
            })
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.ask(Method::POST, "/actions", &json!({"actions": [keyboard]})).await;
    }

    /// Marks all that is written where the focus is, so that what is typed next takes its place.
    pub(crate) async fn mark_all(&self) {
        let key = |what: &str, key: &str| json!({"type": what, "value": key});
        let actions =
            [key("keyDown", CONTROL), key("keyDown", "a"), key("keyUp", "a"), key("keyUp", CONTROL)];
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.ask(Method::POST, "/actions", &json!({"actions": [keyboard]})).await;
    }

    /// Has pages look like this from now on.
    pub(crate) async fn look(&self, look: Look) {
        let Look { scheme, width, height, .. } = look;
        // Without movement: what is half faded in has half its contrast.
        let scheme = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.command("Emulation.setEmulatedMedia", &scheme).await;
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.command("Emulation.setDeviceMetricsOverride", &screen).await;
    }

    /// A picture of the page as it is looked at, as PNG: all of it, down to so many pixels.
    pub(crate) async fn picture(&self, look: Look, tallest: u64) -> Vec<u8> {
        let height =
            self.run("return Math.ceil(document.documentElement.getBoundingClientRect().height)").await;
        let height = height.as_u64().unwrap_or_default().clamp(look.height.into(), tallest);
        let clip = json!({"x": 0, "y": 0, "width": look.width, "height": height, "scale": 1});
        let wanted = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let taken = self.command("Page.captureScreenshot", &wanted).await;
        STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    /// A command of the browser's own protocol.
    async fn command(&self, name: &str, parameters: &Value) -> Value {
        self.ask(Method::POST, "/goog/cdp/execute", &json!({"cmd": name, "params": parameters})).await
    }

    /// Runs a script in the page; of a promise, what it comes to.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.ask(Method::POST, "/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// What the browser said of the pages: errors of scripts, what its policy forbade.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.ask(Method::POST, "/se/log", &json!({"type": "browser"})).await;
        let said = log.as_array().unwrap().iter();
        said.filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    async fn find(&self, using: &str, value: &str) -> String {
        let wanted = json!({"using": using, "value": value});
        let find = async || {
            let found = self.try_ask(Method::POST, "/element", &wanted).await.unwrap_or_default();
            let found = found["value"].as_object().filter(|found| !found.contains_key("error"));
            match found.and_then(|found| found.values().next()?.as_str()) {
                Some(element) => Ok(element.to_owned()),
                None => Err(format!("the page\n{}", self.text().await)),
            }
        };
        looking::until(value, find).await
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.try_ask(method, path, body).await.expect("the driver answers");
        assert!(answer["value"].get("error").is_none(), "{path}: {answer}");
        answer["value"].clone()
    }

    async fn try_ask(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let body = if method == Method::POST { body.to_string() } else { String::new() };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.session))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .unwrap();
        let response = tokio::time::timeout(PATIENCE, self.http.request(request)).await.ok()?.ok()?;
        let bytes = response.into_body().collect().await.ok()?.to_bytes();
        serde_json::from_slice(&bytes).ok()
    }

    /// Ends the browser, and then its driver.
    pub(crate) async fn end(self) {
        let _ = self.try_ask(Method::DELETE, "", &Value::Null).await;
    }
}
