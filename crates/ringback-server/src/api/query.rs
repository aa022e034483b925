//! A request's query: every parameter known, given once, and of the right form; what is not is named.

use http::Uri;
use ringback_delivery::Timestamp;
use ringback_wire::error_code;
use std::ops::RangeInclusive;

use super::convert;
use super::problem::Problem;

/// How much of a parameter's name is said back, in characters.
const SAID_BACK: usize = 64;

/// See the module.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// The query of an address that takes these parameters.
    ///
    /// # Errors
    ///
    /// 400 for a parameter that is not among them, or that is given twice.
    pub(super) fn read(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let mut given: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let said = || name.chars().take(SAID_BACK).collect::<String>();
            if !known.contains(&name.as_ref()) {
                let takes = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("there is no parameter {}: this address takes {takes}", said());
                return Err(Problem::invalid(error_code::PARAMETER_INVALID, message));
            }
            if given.iter().any(|(before, _)| *before == name) {
                return Err(wrong(&said(), "must be given once"));
            }
            given.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(given))
    }

    /// A parameter as it was given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let problem = format!("must be a whole number from {} to {}", range.start(), range.end());
                Err(wrong(name, &problem))
            }
        }
    }

    /// One of a set of words.
    pub(super) fn word<T>(&self, name: &str) -> Result<Option<T>, Problem>
    where
        T: std::str::FromStr<Err = ringback_wire::UnknownText>,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| wrong(name, &error.to_string()))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| wrong(name, "must be true or false"))
    }

    /// A moment, RFC 3339.
    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.text(name).map(|text| convert::to_moment(name, text)).transpose()
    }
}

/// 400 for a parameter.
pub(super) fn wrong(name: &str, problem: &str) -> Problem {
    Problem::invalid(error_code::PARAMETER_INVALID, format!("{name} {problem}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(path: &'static str) -> Result<Query, Problem> {
        Query::read(&Uri::from_static(path), &["limit", "state", "since", "dryRun"])
    }

    #[test]
    fn a_parameter_that_is_not_known_is_named_with_those_that_are() {
        let problem = of("/?limit=1&stat=dead").err().unwrap().body();
        assert_eq!(problem.error_code, error_code::PARAMETER_INVALID);
        assert_eq!(
            problem.error_message,
            "there is no parameter stat: this address takes limit, state, since, dryRun"
        );
    }

    #[test]
    fn a_parameter_is_given_once() {
        assert!(of("/?limit=1&limit=1").is_err());
    }

    #[test]
    fn a_number_is_within_its_bounds() {
        assert_eq!(of("/").unwrap().number("limit", 1..=5).unwrap(), None);
        assert_eq!(of("/?limit=5").unwrap().number("limit", 1..=5).unwrap(), Some(5));
        for wrong in ["/?limit=6", "/?limit=0", "/?limit=", "/?limit=-1", "/?limit=1.0"] {
            assert!(of(wrong).unwrap().number("limit", 1..=5).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_flag_is_true_or_false() {
        assert_eq!(of("/?dryRun=true").unwrap().flag("dryRun").unwrap(), Some(true));
        assert!(of("/?dryRun=1").unwrap().flag("dryRun").is_err());
    }
}
