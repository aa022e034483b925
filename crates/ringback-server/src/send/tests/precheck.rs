//! What a registration is told.

use super::*;

async fn refusal(text: &str, resolver: &dyn Resolve) -> Option<AddressClass> {
    let policy = EgressPolicy::default();
    resolve_and_check(&url(text), &policy, resolver, SHORT).await.err().map(Refusal::class)
}

#[tokio::test]
async fn a_name_is_refused_if_all_its_addresses_are() {
    let resolver = Answers::new(&[&["10.0.0.1", "169.254.169.254"]]);
    assert_eq!(refusal("https://inside.example/", &*resolver).await, Some(AddressClass::Private));
}

#[tokio::test]
async fn a_name_is_accepted_if_one_of_its_addresses_is() {
    let resolver = Answers::new(&[&["10.0.0.1", "8.8.8.8"]]);
    assert_eq!(refusal("https://both.example/", &*resolver).await, None);
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_now_is_accepted() {
    assert_eq!(refusal("https://nowhere.example/", &*Answers::new(&[&[]])).await, None);
    assert_eq!(refusal("https://nowhere.example/", &Silence).await, None);
}

#[tokio::test]
async fn an_address_is_judged_without_a_resolver() {
    assert_eq!(refusal("https://10.0.0.1/", &Silence).await, Some(AddressClass::Private));
    assert_eq!(refusal("https://localhost/", &Silence).await, Some(AddressClass::Loopback));
    assert_eq!(refusal("https://8.8.8.8/", &Silence).await, None);
}

#[tokio::test]
async fn the_system_knows_this_machine_and_not_what_can_not_exist() {
    let resolver = SystemResolver::default();
    let found = resolver.resolve("localhost").await.expect("localhost");
    assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
    assert!(resolver.resolve("a..b").await.is_err());
}
