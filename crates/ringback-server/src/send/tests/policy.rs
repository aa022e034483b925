//! The policy's networks, ports and schemes, and what it says.

use super::*;

fn class(policy: &EgressPolicy, text: &str) -> Option<AddressClass> {
    policy.check(address(text), 443).err().map(Refusal::class)
}

#[test]
fn an_allowed_network_opens_what_no_mode_does() {
    let policy = EgressPolicy::default().allow_networks(networks(&["169.254.169.254/32", "fe80::/10"]));
    assert_eq!(class(&policy, "169.254.169.254"), None);
    assert_eq!(class(&policy, "::ffff:169.254.169.254"), None);
    assert_eq!(class(&policy, "64:ff9b::169.254.169.254"), None);
    assert_eq!(class(&policy, "fe80::7"), None);
    assert_eq!(class(&policy, "169.254.169.253"), Some(AddressClass::Metadata));
    assert_eq!(class(&policy, "10.0.0.1"), Some(AddressClass::Private));
}

#[test]
fn a_denied_network_wins_over_the_mode_and_over_an_allowed_one() {
    let policy = EgressPolicy::new(EgressMode::Any)
        .allow_networks(networks(&["10.0.0.0/8"]))
        .deny_networks(networks(&["10.1.0.0/16", "8.8.8.0/24"]));
    assert_eq!(class(&policy, "10.0.0.1"), None);
    for denied in ["10.1.2.3", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"] {
        assert_eq!(class(&policy, denied), Some(AddressClass::Denied), "{denied}");
    }
}

#[test]
fn an_allowed_ipv6_network_does_not_open_the_ipv4_addresses_inside() {
    let policy = EgressPolicy::default().allow_networks(networks(&["::/0"]));
    assert_eq!(class(&policy, "fd00::1"), None);
    assert_eq!(class(&policy, "::ffff:127.0.0.1"), Some(AddressClass::Loopback));
    assert_eq!(class(&policy, "64:ff9b::10.0.0.1"), Some(AddressClass::Private));
    assert_eq!(class(&policy, "64:ff9b:1::10.0.0.1"), Some(AddressClass::Private));
    assert_eq!(class(&policy, "::127.0.0.1"), Some(AddressClass::Loopback));
}

#[test]
fn a_network_of_mapped_addresses_is_the_ipv4_network() {
    let policy = EgressPolicy::default().allow_networks(networks(&["::ffff:10.0.0.0/104"]));
    assert_eq!(class(&policy, "10.9.9.9"), None);
    assert_eq!(class(&policy, "11.0.0.1"), None);
    assert_eq!(class(&policy, "192.168.0.1"), Some(AddressClass::Private));
}

#[test]
fn only_the_listed_ports_may_be_called_once_there_is_a_list() {
    let policy = EgressPolicy::default();
    assert_eq!(policy.check_port(25), Ok(()));
    let policy = policy.allow_ports([443]).allow_ports([8443]).allow_networks(networks(&["10.0.0.0/8"]));
    assert_eq!(policy.check(address("8.8.8.8"), 8443), Ok(()));
    let refused = policy.check(address("10.0.0.1"), 25).map_err(Refusal::class);
    assert_eq!(refused, Err(AddressClass::Port));
}

#[test]
fn public_wants_https_unless_told_otherwise() {
    let refused = |policy: &EgressPolicy| url("http://example.com/").precheck(policy).is_err();
    assert!(refused(&EgressPolicy::default()));
    assert!(!refused(&EgressPolicy::default().allow_http(true)));
    assert!(!refused(&EgressPolicy::new(EgressMode::Private)));
    assert!(!refused(&EgressPolicy::new(EgressMode::Any)));
}

#[test]
fn a_refusal_names_the_setting_and_not_the_address() {
    let said =
        |text: &str| EgressPolicy::default().check(address(text), 443).expect_err("refused").to_string();
    assert_eq!(said("10.1.2.3"), "a private address; --egress private or --allow-network would allow it");
    assert_eq!(said("127.0.0.1"), "a loopback address; --egress any or --allow-network would allow it");
    assert_eq!(said("169.254.169.254"), "a cloud metadata address; only --allow-network would allow it");
}

#[test]
fn a_mode_is_read_as_it_is_written() {
    for mode in [EgressMode::Public, EgressMode::Private, EgressMode::Any] {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    assert_eq!("Public".parse::<EgressMode>(), Err(UnknownEgressMode));
}

#[test]
fn the_machines_own_addresses_are_as_loopback_whatever_class_they_are_of() {
    let own = OwnAddresses::These(vec![address("192.168.1.5"), address("93.184.215.14")]);
    for own_address in ["192.168.1.5", "93.184.215.14", "::ffff:93.184.215.14", "64:ff9b::93.184.215.14"] {
        let check = |policy: EgressPolicy| class(&policy.own_addresses(own.clone()), own_address);
        assert_eq!(
            check(EgressPolicy::new(EgressMode::Public)),
            Some(AddressClass::OwnHost),
            "{own_address}"
        );
        assert_eq!(
            check(EgressPolicy::new(EgressMode::Private)),
            Some(AddressClass::OwnHost),
            "{own_address}"
        );
        let allowed = networks(&["192.168.1.5/32", "93.184.215.14/32", "64:ff9b::/96"]);
        assert_eq!(check(EgressPolicy::default().allow_networks(allowed)), None, "{own_address}");
    }
    let any = EgressPolicy::new(EgressMode::Any).own_addresses(own.clone());
    assert_eq!(class(&any, "192.168.1.5"), None);
    assert_eq!(class(&EgressPolicy::default().own_addresses(own), "93.184.215.15"), None);
}
