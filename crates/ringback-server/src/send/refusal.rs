//! What the egress policy says when it refuses: the class of what it saw, and the setting that would allow it.
//!
//! A tenant reads this. It never holds the address: what a private name resolves to is the operator's business.

use std::fmt;

/// A callback may not go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Refusal {
    class: AddressClass,
}

/// Why the policy refuses: the class of the address, or what else about the URL is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// A private address: RFC 1918, 100.64.0.0/10, fc00::/7.
    Private,
    /// An address of this machine itself: 127.0.0.0/8, ::1.
    Loopback,
    /// Another address of this very machine.
    OwnHost,
    /// A link-local address: 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// An address on which clouds serve a machine its metadata and credentials.
    Metadata,
    /// Unspecified, multicast, broadcast, documentation, benchmarking or reserved.
    Special,
    /// In a network that the operator denies.
    Denied,
    /// Not an address at all: a port that is not among the allowed ones.
    Port,
    /// Not an address at all: `http://` where only `https://` is allowed.
    PlainHttp,
}

impl Refusal {
    pub(super) fn new(class: AddressClass) -> Self {
        Self { class }
    }

    /// The class of what was refused.
    pub fn class(self) -> AddressClass {
        self.class
    }
}

impl AddressClass {
    /// The class in a word or two joined by hyphens, as it stands in the API, in logs and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::OwnHost => "own-host",
            Self::LinkLocal => "link-local",
            Self::Metadata => "metadata",
            Self::Special => "special",
            Self::Denied => "denied",
            Self::Port => "port",
            Self::PlainHttp => "plain-http",
        }
    }
}

impl fmt::Display for Refusal {
    /// What was seen, and which setting would allow it: "a private address; --egress private or --allow-network would
    /// allow it".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.class {
            AddressClass::Private => "a private address; --egress private or --allow-network would allow it",
            AddressClass::Loopback => "a loopback address; --egress any or --allow-network would allow it",
            AddressClass::OwnHost => {
                "an address of the machine that sends callbacks; --egress any or --allow-network would allow it"
            }
            AddressClass::LinkLocal => "a link-local address; only --allow-network would allow it",
            AddressClass::Metadata => "a cloud metadata address; only --allow-network would allow it",
            AddressClass::Special => {
                "a special-purpose address (unspecified, multicast, documentation, reserved or the like); \
                 only --allow-network would allow it"
            }
            AddressClass::Denied => {
                "an address in a network denied by --deny-network; only lifting that would allow it"
            }
            AddressClass::Port => "a port that is not allowed; --allow-port would allow it",
            AddressClass::PlainHttp => {
                "an http:// URL; https://, or the setting --allow-http, would allow it"
            }
        })
    }
}

impl std::error::Error for Refusal {}
