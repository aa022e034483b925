//! One address for everything, or one for the operators besides.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ringback_server::clock::Clock;
use ringback_server::console as operators;
use ringback_server::service::{Service, ServiceSettings};
use ringback_store::sqlite::{SqliteOptions, SqliteStore};

use crate::client::{Ask, Http};
use crate::console::access::paths;
use crate::publishing::MESSAGES;

async fn start(settings: ServiceSettings) -> (Service, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::server(folder.path().join("ringback.db"))).unwrap();
    (Service::start(settings, Arc::new(store), Clock::system()).await.unwrap(), folder)
}

#[tokio::test]
async fn the_operators_address_has_no_api_and_says_like_the_other_whether_it_runs() {
    let settings =
        ServiceSettings { admin_listen: Some("127.0.0.1:0".parse().unwrap()), ..ServiceSettings::default() };
    let (service, _folder) = start(settings).await;
    let (public, admin) = (service.local_addr(), service.admin_addr().unwrap());
    assert_ne!(public, admin);
    let http = Http::new();
    let status = async |address, path| {
        Ask::new(&http, "GET", format!("http://{address}{path}")).send().await.status.as_u16()
    };
    assert_eq!((status(public, "/healthz").await, status(admin, "/healthz").await), (200, 200));
    assert_eq!((status(public, MESSAGES).await, status(admin, MESSAGES).await), (401, 404));
    service.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn with_an_operators_address_the_console_and_the_metrics_are_nowhere_else() {
    let settings =
        ServiceSettings { admin_listen: Some("127.0.0.1:0".parse().unwrap()), ..ServiceSettings::default() };
    let (service, _folder) = start(settings).await;
    let (public, admin) = (service.local_addr(), service.admin_addr().unwrap());
    let http = Http::new();
    let ask = async |address, method: &Method, path: &str| {
        Ask::new(&http, method.as_str(), format!("http://{address}{path}")).send().await
    };
    for route in operators::all_routes() {
        for path in paths(&route, "0252012345-00001", "msg_x") {
            let answer = ask(public, &route.method, &path).await;
            answer.error(404, "REQUEST_FAILED.NotFound");
        }
    }
    ask(public, &Method::GET, "/metrics").await.error(404, "REQUEST_FAILED.NotFound");
    assert_eq!(ask(admin, &Method::GET, "/metrics").await.status, 401);
    assert_eq!(ask(admin, &Method::GET, "/console").await.status, 303);
    assert_eq!(ask(admin, &Method::GET, "/console/login").await.status, 200);
    service.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn no_page_of_another_origin_is_let_in() {
    let (service, _folder) = start(ServiceSettings::default()).await;
    let http = Http::new();
    for (method, path) in [("OPTIONS", MESSAGES), ("GET", MESSAGES), ("GET", "/healthz"), ("GET", "/console")]
    {
        let answer = Ask::new(&http, method, format!("http://{}{path}", service.local_addr()))
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
            .send()
            .await;
        let cors = answer.headers.keys().find(|name| name.as_str().starts_with("access-control"));
        assert_eq!(cors, None, "{method} {path}");
    }
    service.stop(Duration::from_secs(10)).await;
}
