//! TLS for the servers: an authority of their own, and a certificate for this machine.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::lodging::Lodging;

/// Writes `ca.crt`, `server.crt` and `server.key`, for the name `localhost` only.
pub(crate) fn write(lodging: &Lodging) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    // Who checks goes by names: one that signed another of its own name would be taken for signed by itself.
    authority.distinguished_name.push(DnType::CommonName, "Authority of the testbed");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &authority).unwrap();
    lodging.write("ca.crt", &authority.pem());
    lodging.write("server.crt", &certificate.pem());
    lodging.write("server.key", &key.serialize_pem());
}
