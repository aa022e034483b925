use std::net::IpAddr;

use ipnet::IpNet;
use ringback_server::send::{CallbackUrl, EgressMode, EgressPolicy};
use url::Url;

use crate::text_line;

const MODES: [EgressMode; 3] = [EgressMode::Public, EgressMode::Private, EgressMode::Any];

/// A URL, a mode, a denied and an allowed network, an address: what is judged and connected to is what the URL Standard's
/// own reader finds, it can't break out of the request's head, and the policy's rules hold.
pub fn callback_url(data: &[u8]) {
    let (text, rest) = text_line(data);
    let (mode, rest) = text_line(rest);
    let (denied, rest) = text_line(rest);
    let (allowed, rest) = text_line(rest);
    let (address, _) = text_line(rest);
    if let Ok(url) = CallbackUrl::parse(&text) {
        is_read_alike(&url, &text);
        can_not_break_out(&url);
        let passes = MODES.map(|mode| url.precheck(&EgressPolicy::new(mode).allow_http(true)).is_ok());
        assert!(passes.is_sorted(), "a wider mode passes what a narrower one does: {passes:?}");
    }
    if let Ok(mode) = mode.parse::<EgressMode>() {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    if let Ok(address) = address.parse() {
        the_rules_hold(address, denied.parse().ok(), allowed.parse().ok());
    }
}

/// By us, part by part, and by the URL Standard's own reader, given the whole text.
fn is_read_alike(url: &CallbackUrl, text: &str) {
    assert_eq!(url.as_str(), text);
    let standard = Url::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let port = standard.port_or_known_default().expect("http and https have one");
    let host = standard.host().expect("a host");
    assert_eq!(url.origin_for_logs(), format!("{}://{host}:{port}", standard.scheme()), "{text:?}");
    assert!(standard.username().is_empty() && standard.password().is_none());
}

fn can_not_break_out(url: &CallbackUrl) {
    let (target, host) = url.on_the_wire();
    assert!(target.starts_with('/'), "{target:?}");
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{target:?}");
    assert!(!host.is_empty() && host.iter().all(u8::is_ascii_graphic), "{host:?}");
    assert!(!host.iter().any(|byte| b"/\\?#@".contains(byte)), "{host:?}");
}

fn the_rules_hold(address: IpAddr, denied: Option<IpNet>, allowed: Option<IpNet>) {
    for mode in MODES {
        let plain = EgressPolicy::new(mode);
        let passes = |policy: &EgressPolicy| policy.check(address, 443).is_ok();
        if let IpAddr::V4(v4) = address {
            let mapped = plain.check(v4.to_ipv6_mapped().into(), 443).is_ok();
            assert_eq!(mapped, passes(&plain), "a mapped address is the address");
        }
        if let Some(denied) = denied {
            let policy = plain.clone().deny_networks([denied]);
            assert!(passes(&plain) || !passes(&policy), "denying opens nothing");
            // An IPv4-mapped address is the IPv4 address, and in no network of IPv6 but those of mapped addresses.
            if denied.contains(&address.to_canonical()) {
                assert!(
                    !passes(&policy.allow_networks([denied])),
                    "what is denied is closed whatever allows it"
                );
            }
        }
        if let Some(allowed) = allowed {
            let policy = plain.clone().allow_networks([allowed]);
            assert!(passes(&policy) || !passes(&plain), "allowing closes nothing");
        }
    }
}
