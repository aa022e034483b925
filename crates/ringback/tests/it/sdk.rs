//! Every call of the client against the real server, and the checks of the listener against what it really sends.

use std::time::Duration;

use futures_util::stream;
use ringback_client::models::{
    CallbackEvent, CallbackService, CredentialCreateRequest, Firmware, FotaV1CallbackRegistrationRequest,
    LaneState, LineOutcome, MessageSearch, MessageState, PublishStatus, ReplayRequest, Scope,
};
use ringback_client::{
    AuthenticationError, Client, Credentials, Environment, Error, OutgoingMessage, PublishSettings,
    error_code,
};
use ringback_listener::{Callback, Check, Listener};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::credentials::create;
use crate::house::{ACCOUNT, House};
use crate::program::PATIENCE;
use crate::receiver::Receiver;

const USERNAME: &str = "listener";
const PASSWORD: &str = "a password that each callback bears";
const OVERLAP: Duration = Duration::from_secs(3600);

/// A client with these credentials.
fn client_of(house: &House, credentials: Credentials) -> Client {
    Client::builder().environment(Environment::url(&house.url)).credentials(credentials).build().unwrap()
}

/// A client that may do everything.
fn operator(house: &House) -> Client {
    let secrets = create(house.folder(), "operator", "*", "callbacks,publish,operate");
    let credentials = Credentials::new()
        .client(secrets.client_id.clone(), secrets.client_secret.clone())
        .user(secrets.username.clone(), secrets.password.clone());
    client_of(house, credentials)
}

fn message(name: &str) -> OutgoingMessage {
    let firmware = Firmware { firmware_name: Some(name.to_owned()), ..Firmware::default() };
    OutgoingMessage::new(ACCOUNT, CallbackEvent::FirmwareList(vec![firmware])).unwrap()
}

async fn register(client: &Client, url: String) {
    let request = FotaV1CallbackRegistrationRequest {
        name: CallbackService::Fota.to_string(),
        url,
        username: Some(USERNAME.to_owned()),
        password: Some(PASSWORD.into()),
    };
    let answer = client.software_management_callbacks_v1().register_callback(ACCOUNT, &request).await;
    assert_eq!(answer.unwrap().result.account_name.as_deref(), Some(ACCOUNT));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_s_routes_are_answered_as_the_client_reads_them() {
    let house = House::start();
    let client = operator(&house);
    let application = Receiver::answering(204).await;
    register(&client, application.url()).await;
    let callbacks = client.software_management_callbacks_v1();
    let listed = callbacks.list_registered_callbacks(ACCOUNT).await.unwrap();
    assert_eq!(listed.result[0].url, Some(application.url()));

    let accounts = client.accounts();
    assert_eq!(accounts.list(None).await.unwrap().result.accounts[0].account, ACCOUNT);
    assert_eq!(accounts.ping(ACCOUNT).await.unwrap().result.status, Some(204));
    assert_eq!(accounts.check(ACCOUNT).await.unwrap().result.status, Some(204));
    accounts.pause(ACCOUNT).await.unwrap();
    assert_eq!(accounts.show(ACCOUNT).await.unwrap().result.state, LaneState::Paused);
    client.messages().publish(&message("held")).await.unwrap();
    assert_eq!(accounts.show(ACCOUNT).await.unwrap().result.counts.pending, 1);
    let refused = accounts.ack(ACCOUNT, 2).await;
    assert!(matches!(refused, Err(Error::BadRequest { .. })), "there is no second one: {refused:?}");
    assert!(accounts.pull(ACCOUNT, true).await.unwrap().result.enabled);
    let page = accounts.catch_up(ACCOUNT, 0, Some(10), Some(Duration::from_secs(1))).await.unwrap().result;
    assert_eq!((page.messages.len(), page.messages[0].state), (1, MessageState::Pending));
    assert_eq!(accounts.ack(ACCOUNT, 1).await.unwrap().result.through, 1);
    accounts.resume(ACCOUNT).await.unwrap();
    let resumed = accounts.show(ACCOUNT).await.unwrap().result;
    assert_eq!((resumed.state, resumed.counts.delivered), (LaneState::Active, 1));

    let before = accounts.signing_key(ACCOUNT).await.unwrap().result;
    let after = accounts.rotate_signing_key(ACCOUNT, Some(OVERLAP)).await.unwrap().result;
    assert_ne!(after.public_key, before.public_key);
    assert_eq!(after.previous[0].public_key, before.public_key);

    register(&client, "http://127.0.0.1:9/other".to_owned()).await;
    accounts.restore_registration(ACCOUNT).await.unwrap();
    assert_eq!(house.registered(), Some(application.url()));

    let removed = callbacks.deregister_callback(ACCOUNT, CallbackService::Fota).await.unwrap();
    assert_eq!(removed.result.success, Some(true));
    match callbacks.deregister_callback(ACCOUNT, CallbackService::Fota).await.unwrap_err() {
        error @ Error::BadRequest { .. } => assert!(error.has_code(error_code::CALLBACK_NOT_REGISTERED)),
        other => panic!("{other}"),
    }
    let nothing = accounts.restore_registration(ACCOUNT).await.unwrap_err();
    assert!(nothing.has_code(error_code::REGISTRATION_NOT_RESTORABLE), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_published_searched_and_sent_again_by_the_client() {
    let house = House::start();
    let client = operator(&house);
    let application = Receiver::answering(204).await;
    register(&client, application.url()).await;
    let messages = client.messages();

    let one = message("one");
    let first = messages.publish(&one).await.unwrap().result;
    let second = messages.publish(&one).await.unwrap().result;
    assert_eq!((first.status, second.status), (PublishStatus::Queued, PublishStatus::Duplicate));
    assert_eq!(first.id, second.id);
    let lines = messages.publish_batch(&[one, message("two")]).await.unwrap().result;
    let statuses: Vec<_> = lines
        .iter()
        .map(|line| match &line.outcome {
            LineOutcome::Answer(answer) => answer.status,
            LineOutcome::Error(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(statuses, [PublishStatus::Duplicate, PublishStatus::Queued]);
    let many: Vec<_> = (0..25).map(|number| message(&number.to_string())).collect();
    let mut results = messages.publish_all(stream::iter(many.clone()), PublishSettings::new());
    for message in many {
        let published = results.next().await.unwrap();
        assert_eq!(published.message, message);
        assert_eq!(published.outcome.unwrap().status, PublishStatus::Queued);
    }
    assert!(results.next().await.is_none());
    application.requests(27).await;

    let search =
        MessageSearch { account: Some(ACCOUNT.to_owned()), limit: Some(20), ..MessageSearch::default() };
    let page = messages.search(&search).await.unwrap().result;
    let rest = messages.search(&MessageSearch { cursor: page.next.clone(), ..search }).await.unwrap().result;
    assert_eq!((page.messages.len(), rest.messages.len(), rest.next), (20, 7, None));

    let id = first.id.unwrap();
    house.told(&id, "It has arrived").await;
    let shown = messages.show(&id).await.unwrap().result;
    assert_eq!((shown.sequence, shown.attempts.unwrap()[0].status), (1, Some(204)));
    assert_eq!(messages.replay(&id).await.unwrap().result.count, 1);
    let requests = application.requests(28).await;
    assert_eq!((requests[27].header("webhook-id"), requests[27].header("ringback-replay")), (&*id, "true"));
    let only_count = ReplayRequest { dry_run: true, ..ReplayRequest::default() };
    assert_eq!(messages.replay_account(ACCOUNT, &only_count).await.unwrap().result.count, 0);
    let missing = messages.show("msg_00000000000000000000000000").await.unwrap_err();
    assert_eq!(missing.status_code().map(|status| status.as_u16()), Some(404), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_made_and_ended_by_the_client() {
    let house = House::start();
    let client = operator(&house);
    let admin = client.credentials();
    let request = CredentialCreateRequest {
        name: "platform".to_owned(),
        accounts: vec![ACCOUNT.to_owned()],
        scopes: vec![Scope::Publish],
        username: None,
        password: None,
    };
    let made = admin.create(&request).await.unwrap().result;
    let taken = admin.create(&request).await.unwrap_err();
    assert!(taken.has_code(error_code::CREDENTIAL_EXISTS), "{taken}");
    let platform = |secret| client_of(&house, Credentials::new().client(&made.client_id, secret));

    let first = platform(made.client_secret.clone());
    first.messages().publish(&message("one")).await.unwrap();
    let no_session = first.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await;
    assert!(matches!(no_session, Err(Error::Authentication(AuthenticationError::NoSession))));
    let refused = first.accounts().show(ACCOUNT).await.unwrap_err();
    assert_eq!(refused.status_code().map(|status| status.as_u16()), Some(403), "{refused}");
    let granted = admin.grant(&made.client_id, &[], &[Scope::Callbacks]).await.unwrap().result;
    assert_eq!(granted.scopes.len(), 2);
    admin.unlock(&made.client_id).await.unwrap();
    let rotated = admin.rotate(&made.client_id, OVERLAP).await.unwrap().result;
    platform(rotated.client_secret.clone()).messages().publish(&message("two")).await.unwrap();
    platform(made.client_secret.clone()).messages().publish(&message("three")).await.unwrap();

    admin.revoke(&made.client_id).await.unwrap();
    let refused = platform(rotated.client_secret).messages().publish(&message("four")).await.unwrap_err();
    let refused = matches!(refused, Error::Authentication(AuthenticationError::TokenRefused { .. }));
    assert!(refused, "it is revoked");
    let ended = admin.list().await.unwrap().result.credentials;
    assert!(ended.iter().any(|one| one.client_id == made.client_id && one.revoked_at.is_some()));
}

/// A listener at a port of the system's, and what it handles.
async fn listening(check: Check) -> (String, UnboundedReceiver<Callback>) {
    let (tell, handled) = unbounded_channel();
    let listener = Listener::new(check, move |callback: Callback| {
        tell.send(callback).unwrap();
        async {}
    });
    let router = axum::Router::new().route_service("/callbacks", listener);
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callbacks", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    (url, handled)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_sends_passes_the_right_check_and_no_other() {
    let house = House::start_with(&["--sign-ed25519"]);
    let client = operator(&house);
    let old = client.accounts().signing_key(ACCOUNT).await.unwrap().result.secret;
    let key = client.accounts().rotate_signing_key(ACCOUNT, Some(OVERLAP)).await.unwrap().result;
    let new = key.secret;
    let good = [
        ("user name and password", Check::credentials(USERNAME, PASSWORD).unwrap()),
        ("the public key", Check::signature([&key.public_key]).unwrap()),
        ("the key from before the rotation", Check::signature([old.expose()]).unwrap()),
        ("both", Check::credentials(USERNAME, PASSWORD).unwrap().and_signature([new.expose()]).unwrap()),
    ];
    for (what, check) in good {
        let (url, mut handled) = listening(check).await;
        register(&client, url).await;
        let id = client.messages().publish(&message(what)).await.unwrap().result.id;
        let came = tokio::time::timeout(PATIENCE, handled.recv()).await.expect(what).unwrap();
        assert_eq!(came.id, id, "{what}");
    }
    let bad = [
        Check::credentials(USERNAME, "another").unwrap(),
        Check::signature(["whsec_c29tZWJvZHkgZWxzZSdzIGtleSwgMzIgYnl0ZXMu"]).unwrap(),
    ];
    for check in bad {
        let (url, mut handled) = listening(check).await;
        register(&client, url).await;
        assert_eq!(client.accounts().ping(ACCOUNT).await.unwrap().result.status, Some(401));
        assert!(handled.try_recv().is_err(), "the handler is not called");
    }
}
