//! Addresses with what a person typed in them.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

/// What an address asks for. What can't be read is as if nothing were asked for: a page is no form to fill in.
pub(super) type Asking<T> = Result<Query<T>, QueryRejection>;

/// What was asked for.
pub(super) fn asked<T: Default>(asking: Asking<T>) -> T {
    asking.map(|Query(asked)| asked).unwrap_or_default()
}

/// A query of these parameters, without those that are empty.
pub(super) fn query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let filled = parameters.into_iter().filter(|(_, value)| !value.is_empty());
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filled).finish()
}

/// A text as one segment of a path, whatever is in it.
pub(super) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
