//! `postgres://USER@HOST:PORT,HOST:PORT/DATABASE?PARAMETER=VALUE`, as PostgreSQL's own tools write it.
//!
//! Of the parameters, those that Ringback can mean are taken, and every other is refused by name: one that is overlooked
//! would weaken what its writer believes in. A parameter that could only weaken a promise is refused too.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_decode_str, utf8_percent_encode};
use ringback_store::{PostgresHost, Secret};

/// PostgreSQL's port.
const PORT: u16 = 5432;
/// What may stand unescaped in a name.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Which database, and how it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PostgresUrl {
    /// The servers, of which the one that takes writes is used.
    pub(crate) hosts: Vec<PostgresHost>,
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
    pub(crate) database: String,
    pub(crate) tls: Tls,
    /// What PostgreSQL's own views show of a node's connections.
    pub(crate) application_name: Option<String>,
    pub(crate) connect_timeout: Option<Duration>,
}

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Not at all: `sslmode=disable`, and the default for addresses of this machine.
    Off,
    /// The server proves its name: `sslmode=verify-full`, and the default for every other address. With a CA file of
    /// one's own (`sslrootcert`), or else the authorities that browsers trust.
    VerifyFull(Option<PathBuf>),
}

impl PostgresUrl {
    /// Reads what stands behind `postgres://`. An error is a sentence without the password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (text, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (authority, database) = text.split_once('/').unwrap_or((text, ""));
        let (user, hosts) =
            authority.rsplit_once('@').ok_or("it names no user (postgres://USER@HOST/DATABASE)")?;
        let (user, password) = match user.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (user, None),
        };
        if user.is_empty() {
            return Err("it names no user (postgres://USER@HOST/DATABASE)".to_owned());
        }
        if database.is_empty() {
            return Err("it names no database (postgres://USER@HOST/DATABASE)".to_owned());
        }
        let hosts: Vec<PostgresHost> = hosts.split(',').map(host).collect::<Result<_, _>>()?;
        let mut url = Self {
            tls: if hosts.iter().all(is_this_machine) { Tls::Off } else { Tls::VerifyFull(None) },
            hosts,
            user: decoded(user)?,
            password: password.map(decoded).transpose()?.map(Secret::new),
            database: decoded(database)?,
            application_name: None,
            connect_timeout: None,
        };
        url.read_parameters(parameters)?;
        Ok(url)
    }

    fn read_parameters(&mut self, parameters: &str) -> Result<(), String> {
        let (mut mode, mut authority) = (None, None);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = decoded(value)?;
            match name {
                "sslmode" => mode = Some(value),
                "sslrootcert" => authority = Some(value),
                "target_session_attrs" if value == "read-write" => {}
                "target_session_attrs" => {
                    return Err(
                        "target_session_attrs can only be read-write, which it is without a word".into()
                    );
                }
                "application_name" => self.application_name = Some(value),
                "connect_timeout" => {
                    let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
                    let seconds = seconds.ok_or("connect_timeout is a whole number of seconds")?;
                    self.connect_timeout = Some(Duration::from_secs(seconds));
                }
                _ => {
                    return Err(format!(
                        "there is no parameter {name:?} (sslmode, sslrootcert, application_name, connect_timeout, target_session_attrs)"
                    ));
                }
            }
        }
        self.tls = match (mode.as_deref(), authority) {
            (None, None) => return Ok(()),
            (Some("disable"), None) => Tls::Off,
            (Some("disable"), Some(_)) => {
                return Err("sslrootcert says whom to trust, and sslmode=disable trusts all".into());
            }
            (None | Some("verify-full"), authority) => {
                Tls::VerifyFull(authority.filter(|file| file != "system").map(PathBuf::from))
            }
            (Some(mode), _) => {
                return Err(format!(
                    "sslmode={mode} does not check who answers: it is verify-full, or disable"
                ));
            }
        };
        Ok(())
    }
}

/// Without the password.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn name(text: &str) -> PercentEncode<'_> {
            utf8_percent_encode(text, NAME)
        }
        write!(f, "postgres://{}@", name(&self.user))?;
        for (place, PostgresHost { host, port }) in self.hosts.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            match host.parse() {
                Ok(IpAddr::V6(address)) => write!(f, "{comma}[{address}]:{port}")?,
                _ => write!(f, "{comma}{}:{port}", name(host))?,
            }
        }
        write!(f, "/{}", name(&self.database))?;
        match &self.tls {
            Tls::Off => write!(f, "?sslmode=disable")?,
            Tls::VerifyFull(None) => write!(f, "?sslmode=verify-full")?,
            Tls::VerifyFull(Some(file)) => {
                let file = file.to_string_lossy();
                write!(f, "?sslmode=verify-full&sslrootcert={}", name(&file))?;
            }
        }
        if let Some(application) = &self.application_name {
            write!(f, "&application_name={}", name(application))?;
        }
        if let Some(timeout) = self.connect_timeout {
            write!(f, "&connect_timeout={}", timeout.as_secs())?;
        }
        Ok(())
    }
}

/// `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`; a Unix socket's folder as `%2Frun%2Fpostgresql`.
fn host(text: &str) -> Result<PostgresHost, String> {
    let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, port)) => (address, Some(port.strip_prefix(':').unwrap_or(port))),
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    if name.is_empty() {
        return Err("a host has no name (postgres://USER@HOST:PORT,HOST:PORT/DATABASE)".to_owned());
    }
    let port = match port {
        None => PORT,
        Some(port) => port.parse().map_err(|_| format!("{port:?} is not a port"))?,
    };
    Ok(PostgresHost { host: decoded(name)?, port })
}

fn is_this_machine(host: &PostgresHost) -> bool {
    let name = host.host.as_str();
    name.starts_with('/') || name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| "it is not UTF-8".to_owned())?;
    // PostgreSQL's protocol ends a text with it.
    if decoded.contains('\0') { Err("it contains a zero byte".to_owned()) } else { Ok(decoded.into_owned()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> PostgresUrl {
        PostgresUrl::parse(text).unwrap()
    }

    #[test]
    fn several_hosts_each_have_a_port() {
        let url = parse("ring@db1,db2:6432,[fd00::2]:7000,[fd00::3]/ringback");
        let hosts: Vec<_> = url.hosts.iter().map(|host| (host.host.as_str(), host.port)).collect();
        assert_eq!(hosts, [("db1", 5432), ("db2", 6432), ("fd00::2", 7000), ("fd00::3", 5432)]);
        assert_eq!((url.user.as_str(), url.database.as_str(), url.password), ("ring", "ringback", None));
    }

    #[test]
    fn names_passwords_and_sockets_are_unescaped() {
        let url = parse("r%40x:p%3Aq%2Fr@%2Frun%2Fpostgresql:5433/my%20data");
        assert_eq!((url.user.as_str(), url.database.as_str()), ("r@x", "my data"));
        assert_eq!(url.password.unwrap().expose(), "p:q/r");
        assert_eq!((url.hosts[0].host.as_str(), url.hosts[0].port), ("/run/postgresql", 5433));
    }

    #[test]
    fn who_answers_from_elsewhere_must_prove_its_name() {
        for (text, tls) in [
            ("u@127.0.0.1/d", Tls::Off),
            ("u@localhost,[::1]/d", Tls::Off),
            ("u@%2Ftmp/d", Tls::Off),
            ("u@localhost,db/d", Tls::VerifyFull(None)),
            ("u@db/d", Tls::VerifyFull(None)),
            ("u@db/d?sslmode=disable", Tls::Off),
            ("u@db/d?sslrootcert=system", Tls::VerifyFull(None)),
            ("u@localhost/d?sslrootcert=%2Fetc%2Fca.pem", Tls::VerifyFull(Some("/etc/ca.pem".into()))),
        ] {
            assert_eq!(parse(text).tls, tls, "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_as_the_same_but_for_the_password() {
        for text in [
            "u:secret@db1:1,[fd00::2]:2/d?sslrootcert=/etc/my%20ca.pem&application_name=a%26b&connect_timeout=3",
            "u:secret@%2Frun%2Fpostgresql/d",
        ] {
            let url = parse(text);
            let shown = url.to_string();
            assert!(!shown.contains("secret"), "{shown}");
            let again = parse(shown.strip_prefix("postgres://").unwrap());
            assert_eq!(again, PostgresUrl { password: None, ..url });
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused_by_name_and_the_password_is_not_repeated() {
        for (text, said) in [
            ("db/d", "no user"),
            (":hunter2@db/d", "no user"),
            ("u:hunter2@db", "no database"),
            ("u:hunter2@db:x/d", "not a port"),
            ("u:hunter2@,db/d", "no name"),
            ("u:hunter2@db/d?sslmode=require", "verify-full"),
            ("u:hunter2@db/d?sslmode=disable&sslrootcert=x", "sslmode=disable"),
            ("u:hunter2@db/d?target_session_attrs=any", "read-write"),
            ("u:hunter2@db/d?options=-c%20fsync=off", "\"options\""),
            ("u:hunter2@db/d?connect_timeout=0", "seconds"),
            ("u:hunter2@db/d%00", "zero byte"),
        ] {
            let error = PostgresUrl::parse(text).unwrap_err();
            assert!(error.contains(said) && !error.contains("hunter2"), "{text}: {error}");
        }
        parse("u@db/d?target_session_attrs=read-write");
    }
}
