//! TLS for the servers: an authority of their own, and a certificate for this machine.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::lodging::Lodging;

/// Writes `ca.crt`, `server.crt` and `server.key`, for the name `localhost` only.
pub(crate) fn write(lodging: &Lodging) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &authority).unwrap();
    lodging.write("ca.crt", &authority.pem());
    lodging.write("server.crt", &certificate.pem());
    lodging.write("server.key", &key.serialize_pem());
}
