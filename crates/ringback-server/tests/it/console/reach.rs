//! What is not yours answers like what does not exist.

use ringback_store::Scopes;

use super::{Browser, text};
use crate::cast::Cast;
use crate::server::{ACCOUNT, CALLBACKS, OPERATE, OTHER};

#[tokio::test]
async fn callbacks_sees_its_own_accounts_alone() {
    let cast = Cast::meet().await;
    cast.server.register(OTHER).await;
    let (mine, theirs) = (cast.publish(ACCOUNT).await, cast.publish(OTHER).await);
    cast.dead(ACCOUNT, 1).await;
    cast.dead(OTHER, 1).await;
    let tenant = Browser::of(&cast.server, "tenant", &[ACCOUNT], CALLBACKS).await;
    for path in ["/console", "/console/accounts", "/console/accounts?all=true", "/console/messages"] {
        let page = tenant.page(path).await;
        assert!(page.contains(ACCOUNT) && !page.contains(OTHER), "{path}");
    }
    assert!(tenant.page(&format!("/console/messages/{mine}")).await.contains("Given up"));
    let nobody = "1111111111-11111";
    for (path, like) in [
        (format!("/console/accounts/{OTHER}"), format!("/console/accounts/{nobody}")),
        (format!("/console/accounts/{OTHER}/replay"), format!("/console/accounts/{nobody}/replay")),
        (format!("/console/accounts/{OTHER}/check"), format!("/console/accounts/{nobody}/check")),
        (format!("/console/messages/{theirs}"), "/console/messages/nothing".to_owned()),
        (format!("/console/messages/{theirs}/replay"), "/console/messages/nothing/replay".to_owned()),
        (format!("/console/accounts/{OTHER}/messages/1"), format!("/console/accounts/{ACCOUNT}/messages/9")),
        ("/console/audit".to_owned(), format!("/console/accounts/{nobody}")),
    ] {
        let (one, other) = (tenant.get(&path).await, tenant.get(&like).await);
        assert_eq!((one.status.as_u16(), other.status.as_u16()), (404, 404), "{path}");
        assert_eq!(text(&one), text(&other), "{path}");
    }
    for path in [
        format!("/console/accounts/{OTHER}/ping"),
        format!("/console/accounts/{OTHER}/replay"),
        format!("/console/messages/{theirs}/replay"),
    ] {
        assert_eq!(tenant.post(&path, &[]).await.status, 404, "{path}");
    }
    let searched = tenant.page(&format!("/console/messages?account={OTHER}")).await;
    assert!(searched.contains("None."));
}

#[tokio::test]
async fn a_scope_offers_and_does_what_it_covers() {
    let cast = Cast::meet().await;
    let path = format!("/console/accounts/{ACCOUNT}");
    let tenant = Browser::of(&cast.server, "tenant", &[ACCOUNT], CALLBACKS).await;
    let page = tenant.page(&path).await;
    assert!(page.contains("/register\"") && !page.contains("/pause\""));
    assert_eq!(tenant.post(&format!("{path}/pause"), &[]).await.status, 403);
    let operator = Browser::of(&cast.server, "keeper", &[ACCOUNT], OPERATE).await;
    let page = operator.page(&path).await;
    assert!(!page.contains("/register\"") && page.contains("/pause\""));
    let fields = [("url", "https://10.0.0.2/")];
    assert_eq!(operator.post(&format!("{path}/register"), &fields).await.status, 403);
    assert_eq!(operator.get("/console/audit").await.status, 404);
}

#[tokio::test]
async fn only_who_runs_the_service_sees_its_node_and_what_endpoints_answered() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    cast.dead(ACCOUNT, 1).await;
    let all = Scopes { callbacks: true, publish: true, operate: true };
    let some = Browser::of(&cast.server, "some", &[ACCOUNT], all).await;
    let every = Browser::of(&cast.server, "every", &["*"], all).await;
    let message = format!("/console/messages/{id}");
    assert!(!some.page(&message).await.contains("stack trace"));
    assert!(every.page(&message).await.contains("stack trace"));
    assert!(!some.page("/console").await.contains("This node"));
    assert!(every.page("/console").await.contains("This node"));
}
