//! The console from outside, as a browser without a script sees it.

pub(crate) mod access;
mod acts;
mod escaping;
mod live;
mod login;
mod pages;
mod precautions;
mod reach;
mod sessions;

use crate::cast::Cast;
use crate::client::{Answer, Ask, Http};
use crate::server::Server;

/// A browser that has logged in.
pub(crate) struct Browser<'a> {
    pub(crate) server: &'a Server,
    pub(crate) cookie: String,
}

/// The answer to a log-in.
pub(crate) async fn log_in(server: &Server, username: &str, password: &str) -> Answer {
    let fields = [("username", username), ("password", password)];
    send_form(server.ask("POST", "/console/login"), &fields).await
}

pub(crate) async fn send_form(ask: Ask, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    ask.body("application/x-www-form-urlencoded", body).send().await
}

/// What an answer gives the browser to keep: the cookie's name and value.
pub(crate) fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    cookie.split(';').next().unwrap().to_owned()
}

pub(crate) fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

/// The token of the forms on a page.
pub(crate) fn form_token(page: &Answer) -> String {
    let (_, rest) = text(page).split_once("name=\"form_token\" value=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

impl<'a> Browser<'a> {
    /// Logged in with a new credential.
    pub(crate) async fn of(
        server: &'a Server,
        name: &str,
        accounts: &[&str],
        scopes: ringback_store::Scopes,
    ) -> Self {
        let issued = server.credential(name, accounts, scopes).await;
        let answer = log_in(server, &issued.username, issued.password.expose()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, Some("/console")),
            "{answer:?}"
        );
        Self { server, cookie: cookie_of(&answer) }
    }

    /// An operator of everything.
    pub(crate) async fn operator(cast: &'a Cast) -> Self {
        let scopes = ringback_store::Scopes { callbacks: true, publish: false, operate: true };
        Self::of(&cast.server, "night shift", &["*"], scopes).await
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        self.server.ask(method, path).header("cookie", &self.cookie)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send().await
    }

    /// A page that is there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        text(&answer).to_owned()
    }

    /// Sends a form of the session.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = form_token(&self.get("/console").await);
        let mut fields = fields.to_vec();
        fields.push(("form_token", &token));
        send_form(self.ask("POST", path), &fields).await
    }
}

/// A client of the whole service, where its own address and its proxies count.
pub(crate) fn ask(http: &Http, address: std::net::SocketAddr, method: &str, path: &str) -> Ask {
    Ask::new(http, method, format!("http://{address}{path}"))
}
