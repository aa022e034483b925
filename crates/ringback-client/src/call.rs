//! One call of the API, before it has tokens: method, path, body, and how it may be handled.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use ringback_wire::account::{ACCOUNT_NAME_FORM, is_account_name};
use ringback_wire::routes;
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::http::name;
use crate::tokens::Needs;
use crate::{Error, InvalidArgument, decode};

const JSON: &str = "application/json";

pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) needs: Needs,
    pub(crate) accept: Option<&'static str>,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Bytes,
    /// How long the server may take its time before it answers, beside the time-out.
    pub(crate) server_wait: Duration,
    /// Whether sending it twice does no harm, whatever its method.
    pub(crate) repeatable: bool,
}

impl Call {
    /// A call of Ringback's own API.
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            needs: Needs::Bearer,
            accept: Some(JSON),
            content_type: None,
            body: Bytes::new(),
            server_wait: Duration::ZERO,
            repeatable: false,
        }
    }

    /// A call of ThingSpace's, which needs a session too.
    pub(crate) fn with_session(mut self) -> Self {
        self.needs = Needs::BearerAndSession;
        self
    }

    /// Method and path, for errors.
    pub(crate) fn name(&self) -> Box<str> {
        name(&self.method, &self.path)
    }

    pub(crate) fn json(self, model: &impl Serialize) -> Result<Self, InvalidArgument> {
        let body = decode::to_json(model)?;
        Ok(self.body(JSON, body))
    }

    pub(crate) fn body(mut self, content_type: &'static str, body: Bytes) -> Self {
        self.content_type = Some(content_type);
        self.body = body;
        self
    }

    pub(crate) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    pub(crate) fn server_wait(mut self, wait: Duration) -> Self {
        self.server_wait = wait;
        self
    }

    /// Puts the fields of a model, all of them scalars or missing, into the query.
    pub(crate) fn query(mut self, model: &impl Serialize) -> Result<Self, Error> {
        let wrong = |problem: String| InvalidArgument::new("query", problem);
        let fields = match serde_json::to_value(model).map_err(|error| wrong(error.to_string()))? {
            Value::Object(fields) => fields,
            other => return Err(wrong(format!("can't be written as a query: {other}")).into()),
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            match value {
                Value::Null => {}
                Value::String(text) => {
                    query.append_pair(&name, &text);
                }
                scalar => {
                    query.append_pair(&name, &scalar.to_string());
                }
            }
        }
        let query = query.finish();
        if !query.is_empty() {
            self.path.push('?');
            self.path.push_str(&query);
        }
        Ok(self)
    }
}

/// A path with an account in it.
pub(crate) fn account_path(template: &str, account: &str) -> Result<String, InvalidArgument> {
    check_account(account)?;
    Ok(routes::fill(template, &[account]))
}

/// Whether an account's name has the right form, which is found out before anything is sent.
pub(crate) fn check_account(account: &str) -> Result<(), InvalidArgument> {
    if is_account_name(account) {
        return Ok(());
    }
    Err(InvalidArgument::new("account", format!("must be an account's name in the form {ACCOUNT_NAME_FORM}")))
}

/// A path with an id in it. What a URL would take for a step in its path is not an id.
pub(crate) fn id_path(template: &str, argument: &'static str, id: &str) -> Result<String, InvalidArgument> {
    if matches!(id, "" | "." | "..") {
        return Err(InvalidArgument::new(argument, "must be an id"));
    }
    Ok(routes::fill(template, &[id]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringback_wire::api::{MessageSearch, MessageState};

    #[test]
    fn a_query_has_the_fields_that_are_set_encoded() {
        let search = MessageSearch {
            state: Some(MessageState::Dead),
            since: Some("2018-04-01T18:03:00+02:00".to_owned()),
            limit: Some(5),
            ..MessageSearch::default()
        };
        let call = Call::new(Method::GET, "/m".to_owned()).query(&search).expect("a query");
        assert_eq!(call.path, "/m?limit=5&since=2018-04-01T18%3A03%3A00%2B02%3A00&state=dead");
        let call = Call::new(Method::GET, "/m".to_owned()).query(&MessageSearch::default()).expect("a query");
        assert_eq!(call.path, "/m");
    }

    #[test]
    fn an_id_can_not_be_a_step_in_the_path() {
        assert!(id_path("/m/{id}", "id", "..").is_err());
        assert!(id_path("/m/{id}", "id", "").is_err());
        assert_eq!(id_path("/m/{id}", "id", "a/..").expect("an id"), "/m/a%2F..");
    }
}
