//! The application developer's program: the client and the listener, as crates, beside a running `ringback dev`.

use std::path::Path;

use ringback_client::models::{CallbackService, FotaV1CallbackRegistrationRequest};
use ringback_client::{Client, Credentials, Environment, OutgoingMessage};
use ringback_listener::{Callback, CatchUp, Check, Listener, MessageState};
use serde_json::json;
use tempfile::tempdir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::program::{PATIENCE, Program};

const DEV: [&str; 6] = ["dev", "--port", "0", "--listener-port", "0", "--no-samples"];
const ACCOUNT: &str = "0242078689-00001";

/// A client with what `dev` keeps in its folder.
fn client(folder: &Path) -> Client {
    let text = std::fs::read_to_string(folder.join("ringback-data/credentials.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let say = |name: &str| table["dev"][name].as_str().unwrap().to_owned();
    let credentials = Credentials::new()
        .client(say("client-id"), say("client-secret"))
        .user(say("username"), say("password"));
    Client::builder().environment(Environment::url(say("url"))).credentials(credentials).build().unwrap()
}

/// The application: its listener at a port of the system's, until it is dropped.
struct Application {
    url: String,
    listener: Listener,
    handled: UnboundedReceiver<Callback>,
    serving: tokio::task::JoinHandle<()>,
}

impl Application {
    async fn start(key: &str, position: Option<u64>) -> Self {
        let (tell, handled) = unbounded_channel();
        let mut builder = Listener::builder(Check::signature([key]).unwrap());
        if let Some(position) = position {
            builder = builder.resume(ACCOUNT, position);
        }
        let listener = builder.handle(move |callback: Callback| {
            tell.send(callback).unwrap();
            async {}
        });
        let router = axum::Router::new().route_service("/callbacks", listener.clone());
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callbacks", socket.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        Self { url, listener, handled, serving }
    }

    async fn register(&self, client: &Client) {
        let request = FotaV1CallbackRegistrationRequest {
            name: CallbackService::Fota.to_string(),
            url: self.url.clone(),
            username: None,
            password: None,
        };
        client.software_management_callbacks_v1().register_callback(ACCOUNT, &request).await.unwrap();
    }

    async fn next(&mut self) -> Callback {
        tokio::time::timeout(PATIENCE, self.handled.recv()).await.expect("a callback comes").unwrap()
    }

    /// It goes down, and keeps how far it had come.
    async fn stop(self) -> u64 {
        self.serving.abort();
        let _ = self.serving.await;
        // A handler tells of its callback before the listener has noted that it is done.
        self.listener.idle().await;
        self.listener.position(ACCOUNT).unwrap()
    }
}

async fn publish(client: &Client, name: &str) -> String {
    let message = json!({
        "accountName": ACCOUNT,
        "type": "firmwareList",
        "firmwareList": [{"firmwareName": name, "fromVersion": "01", "toVersion": "02"}],
    });
    let message = OutgoingMessage::from_json(message.to_string().as_bytes()).unwrap();
    client.messages().publish(&message).await.unwrap().result.id.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_was_down_catches_up_with_the_real_server_and_goes_on() {
    let folder = tempdir().unwrap();
    let mut dev = Program::start(folder.path(), &DEV);
    dev.line_with("Ctrl-C stops");
    let client = client(folder.path());
    let key = client.accounts().signing_key(ACCOUNT).await.unwrap().result.secret;
    client.accounts().pull(ACCOUNT, true).await.unwrap();

    let mut first = Application::start(key.expose(), None).await;
    first.register(&client).await;
    let came = publish(&client, "comes").await;
    assert_eq!(first.next().await.id.as_deref(), Some(came.as_str()));
    let position = first.stop().await;

    // While it is down one message is cancelled, and one waits.
    let cancelled = publish(&client, "cancelled").await;
    let callbacks = client.software_management_callbacks_v1();
    callbacks.deregister_callback(ACCOUNT, CallbackService::Fota).await.unwrap();
    let waits = publish(&client, "waits").await;

    let mut second = Application::start(key.expose(), Some(position)).await;
    let mut missed = CatchUp::new(&client, ACCOUNT).after(position).acknowledge();
    let sum = second.listener.catch_up(&mut missed).await.unwrap();
    assert_eq!((sum.handled, sum.cancelled, sum.dead, sum.gone), (2, 1, 0, 0));
    for (id, state) in [(&cancelled, MessageState::Cancelled), (&waits, MessageState::Pending)] {
        let callback = second.next().await;
        assert_eq!((callback.id.as_ref(), callback.state), (Some(id), Some(state)));
    }
    let shown = client.messages().show(&waits).await.unwrap().result;
    assert_eq!(shown.state, MessageState::Delivered, "it was acknowledged");

    second.register(&client).await;
    let last = publish(&client, "goes on").await;
    assert_eq!(second.next().await.id, Some(last));
    assert!(second.handled.is_empty(), "nothing comes again");
    assert_eq!(second.stop().await, position + 3);
    assert!(dev.stop().success());
}
