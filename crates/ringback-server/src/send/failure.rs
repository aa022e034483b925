//! From an error to a [`Failure`] and a reason that its owner may read.
//!
//! The reasons are our own words, chosen by the kind of error. What the libraries say is never passed on: it may name
//! addresses, certificates of other hosts, or bytes of the answer.

use std::{error::Error, io};

use ringback_delivery::Failure;
use rustls::{AlertDescription, CertificateError};

use super::connect::ConnectError;

/// Why an attempt got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unanswered {
    /// What the lane is told.
    pub(super) failure: Failure,
    /// What a person is told.
    pub(super) reason: String,
}

impl Unanswered {
    /// The whole attempt took too long; `head_came` says whether a status had been received by then.
    pub(super) fn timeout(head_came: bool) -> Self {
        let reason = if head_came { "the response did not end in time" } else { "no response came in time" };
        Self { failure: Failure::Timeout, reason: reason.into() }
    }
}

/// What became of a request or a response that failed once there was a connection.
impl From<hyper::Error> for Unanswered {
    fn from(error: hyper::Error) -> Self {
        protocol(&error)
    }
}

impl From<&ConnectError> for Unanswered {
    fn from(error: &ConnectError) -> Self {
        let failure = match error {
            ConnectError::Resolve(_) => Failure::Resolve,
            ConnectError::Policy(_) => Failure::Policy,
            ConnectError::Connect(_)
            | ConnectError::ProxyAway(_)
            | ConnectError::Proxy(_)
            | ConnectError::SourceFamily => Failure::Connect,
            ConnectError::Tls(_) => Failure::Tls,
            ConnectError::Timeout => Failure::Timeout,
        };
        let reason = match error {
            ConnectError::Connect(source) => match io_phrase(source) {
                Some(phrase) => format!("{error}: {phrase}"),
                None => error.to_string(),
            },
            ConnectError::Tls(source) => format!("{error}: {}", tls_phrase(source)),
            _ => error.to_string(),
        };
        Self { failure, reason }
    }
}

fn protocol(error: &(dyn Error + 'static)) -> Unanswered {
    let phrase = match find::<hyper::Error>(error) {
        Some(error) if error.is_parse_too_large() => Some("the response's head is too large"),
        Some(error) if error.is_parse() => Some("what came back was not HTTP/1.1"),
        Some(error) if error.is_incomplete_message() => {
            Some("the connection was closed before the whole response had come")
        }
        _ => None,
    };
    let phrase = phrase.or_else(|| find::<io::Error>(error).and_then(io_phrase));
    Unanswered {
        failure: Failure::Protocol,
        reason: phrase.unwrap_or("the connection broke before the whole response had come").into(),
    }
}

/// The first error of a type in a chain of causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}

fn io_phrase(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Some("the connection was refused"),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            Some("the connection was reset")
        }
        Kind::UnexpectedEof => Some("the connection was closed before the whole response had come"),
        Kind::HostUnreachable => Some("the host is unreachable"),
        Kind::NetworkUnreachable => Some("the network is unreachable"),
        Kind::TimedOut => Some("the connection timed out"),
        Kind::AddrNotAvailable => Some("no local address or port could be had"),
        _ => None,
    }
}

fn tls_phrase(error: &io::Error) -> &'static str {
    use CertificateError as Certificate;
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::InvalidInput => "the host's name can't stand in a certificate",
            _ => "the connection was closed during it",
        };
    };
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            Certificate::Expired | Certificate::ExpiredContext { .. } => "the certificate has expired",
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "the certificate is not valid yet"
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "the certificate is not valid for this host"
            }
            Certificate::UnknownIssuer => {
                "the certificate is self-signed, or its issuer is unknown, or an intermediate certificate is missing"
            }
            Certificate::ApplicationVerificationFailure => {
                "the certificate is not one that this host is pinned to"
            }
            Certificate::Revoked => "the certificate is revoked",
            _ => "the certificate is not valid",
        },
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(_) => "no TLS version or cipher in common; TLS 1.2 is the least",
        rustls::Error::AlertReceived(_) => "the endpoint refused it",
        rustls::Error::InvalidMessage(_) => "what came back was not TLS",
        _ => "the endpoint did not keep to the protocol",
    }
}
