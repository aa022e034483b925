//! Why two programs did not come to speak with each other, in plain words: what the libraries say of it names their own
//! states, and is best known to who wrote them.

use std::io;

use rustls::{CertificateError, Error as TlsError};

const NO_HTTP: &str = "what answers there speaks no HTTP: does it want https, not http?";
const NO_TLS: &str = "what answers there speaks no TLS: does it speak http, not https?";

/// What is likely wrong, where the causes of an error tell.
pub(crate) fn guess(error: &anyhow::Error) -> Option<&'static str> {
    error.chain().find_map(|cause| {
        let is_no_http = cause.downcast_ref().is_some_and(hyper::Error::is_parse);
        if is_no_http { Some(NO_HTTP) } else { tls_error(cause).and_then(of_tls) }
    })
}

fn tls_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a TlsError> {
    // An I/O error gives the source of what it holds, and leaves out what it holds, which may be another one.
    let held = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    cause.downcast_ref().or_else(|| tls_error(held?))
}

fn of_tls(error: &TlsError) -> Option<&'static str> {
    match error {
        TlsError::InvalidMessage(_) => Some(NO_TLS),
        TlsError::InvalidCertificate(error) => of_certificate(error),
        _ => None,
    }
}

fn of_certificate(error: &CertificateError) -> Option<&'static str> {
    Some(match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name than the one in the URL"
        }
        CertificateError::UnknownIssuer => {
            "the server's certificate is not from one of the public authorities, nor from one of --ca-file: where it is from \
             one of your own, name the file of that one's certificate there"
        }
        // What has no name of its own: most likely this.
        CertificateError::Other(_) => {
            "the server's certificate may be itself an authority's (as `openssl req -x509` makes): it has to issue another for \
             the server"
        }
        _ => return None,
    })
}
